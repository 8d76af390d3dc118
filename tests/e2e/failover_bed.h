// The relay over a store whose primary can be lost: an outbox in a database of its own, the store on a primary with an
// asynchronous standby, and the console as a sink, whose lines are read from what the relay prints.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/demo/relay_process.h"
#include "tests/support/postgres_pair.h"
#include "tests/support/servers.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {

class FailoverBed {
 public:
  // `on_lost_tail`: the word of both routes.
  explicit FailoverBed(const std::string& on_lost_tail = "stop");

  PostgresPair& servers() { return servers_; }

  void start();
  // Another instance of the same configuration, which stands by.
  std::unique_ptr<cli::RelayProcess> start_other();
  cli::RelayProcess& relay() { return *relay_; }
  // SIGTERM; must end orderly.
  void stop();

  // Commits rows in the outbox; their event ids, in order.
  std::vector<std::string> insert(int rows);
  struct Arrival {
    std::int64_t position;
    std::string id;
  };
  // What the console has printed, by all relays so far.
  std::vector<Arrival> arrivals() const;
  std::set<std::string> arrived_ids() const;
  // Waits until all of these have arrived; throws with the log when they don't.
  void await(const std::vector<std::string>& ids) const;
  // Waits until `penstock status` shows this phase and code for a route; throws with the log.
  void await_state(const std::string& route, const std::string& phase, const std::string& code) const;

  // What the program prints for these arguments; throws unless it exits with 0.
  std::string penstock(std::vector<std::string> arguments) const;
  std::string log_text() const;

 private:
  std::unique_ptr<cli::RelayProcess> launch() const;

  TemporaryFolder folder_;
  FreshDatabase outbox_;
  PostgresPair servers_;
  std::unique_ptr<cli::RelayProcess> relay_;
};

}  // namespace penstock::tests
