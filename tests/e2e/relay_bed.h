// The whole picture for one end-to-end test: a database with an outbox and the store, a writer under load, the real
// program with a real configuration file, a topic and a queue to look at, and the verdict.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cli/demo/relay_process.h"
#include "tests/e2e/broker_ends.h"
#include "tests/e2e/order_writer.h"
#include "tests/support/history_checker.h"
#include "tests/support/servers.h"
#include "tests/support/tcp_gate.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {

struct BedSettings {
  std::size_t max_in_flight = 400;  // of each route
  // Of the writer, see there.
  std::chrono::microseconds between_transactions{8'000};
  int writer_threads = 4;
  std::chrono::milliseconds latest_commit{120};
  WriterSettings::Prepared prepared = WriterSettings::Prepared::kNever;
  // How the outbox is read: polled, or from the write-ahead log.
  // kFromLogDeleting: and each settled row is deleted, as a polling source does.
  enum class Outbox { kPolled, kFromLog, kFromLogDeleting } outbox = Outbox::kPolled;
  // Of a polled one. kTracked: rows stay, and their ids go into a table beside them.
  enum class Settled { kDeleted, kTracked } settled = Settled::kDeleted;
  // kGated: the relay that start_relay() starts reaches Postgres through a gate; other instances don't.
  enum class Link { kDirect, kGated } link = Link::kDirect;
};

struct Verdicts {
  Judgement kafka, rabbit;
  std::string text() const { return "kafka: " + kafka.describe() + "rabbitmq: " + rabbit.describe(); }
  bool promise_held() const { return kafka.promise_held() && rabbit.promise_held(); }
};

// How often a test kills the relay: PENSTOCK_TEST_KILLS if set.
int kills_of_this_run(int otherwise);

// Needs all three servers: PENSTOCK_NEEDS them before. Throws std::runtime_error when something that is not under test
// fails.
class RelayBed {
 public:
  explicit RelayBed(BedSettings settings = {});

  const FreshDatabase& database() const { return database_; }
  OrderWriter& writer() { return *writer_; }

  void start_load();
  // The relay, as a new process; `failpoint` as in PENSTOCK_FAILPOINT, empty for none.
  void start_relay(const std::string& failpoint = {});
  cli::RelayProcess& relay() { return *relay_; }

  // SIGKILL now; the next start begins an epoch.
  void kill_relay();
  // Waits for the relay to die of its armed crash point; false if it was still alive at the deadline.
  bool await_crash(std::chrono::seconds patience);
  // SIGTERM; must end with exit code 0 within the grace time; the next start begins an epoch.
  void stop_relay();

  // From the next start on the outbox is read this way. The slot is the caller's business.
  void read_outbox(BedSettings::Outbox how);
  std::string slot_name() const;  // of this database
  // Publication and slot for reading it from the log.
  void make_slot();

  // Another command of the program over the configuration of the relay: its exit code, 137 if it was killed. What it
  // says is appended to the log.
  int run_command(const std::string& arguments, const std::string& failpoint = {}) const;

  // Waits until `events` more events than now are in the store; throws after `patience`.
  void await_progress(std::size_t events, std::chrono::seconds patience = std::chrono::seconds(60));
  // Waits until a query over this database yields `value`; false at the deadline.
  bool await_value(const std::string& sql, const std::string& value, std::chrono::seconds patience) const;

  // Another instance of the same configuration, with a log of its own.
  std::unique_ptr<cli::RelayProcess> make_other_instance();
  // Only with Link::kGated.
  TcpGate& gate() { return *gate_; }

  // Ends the load, reads both ends until everything has arrived, stops the relay if it runs, and judges.
  Verdicts finish();

  std::size_t epochs() const { return kafka_.epochs(); }
  std::string last_words() const { return relay_->last_words(); }
  // The log of all relays, for a failing assertion.
  std::string log_text() const;

 private:
  std::string gated_url() const;
  std::string config_text(const std::string& database_url) const;
  std::string source_text(const std::string& database_url) const;
  cli::RelayCommand command(const std::string& config, const std::string& log) const;
  void end_epoch();
  Judgement judge_end(BrokerEnd& end, const std::vector<CommittedEvent>& committed,
                      const std::vector<ArrivedEvent>& arrived, const char* route);
  void check_store(const std::vector<CommittedEvent>& committed) const;

  BedSettings settings_;
  std::uint64_t seed_;
  TemporaryFolder folder_;
  FreshDatabase database_;
  std::unique_ptr<TcpGate> gate_;
  KafkaEnd kafka_;
  RabbitEnd rabbit_;
  std::unique_ptr<OrderWriter> writer_;
  std::unique_ptr<cli::RelayProcess> relay_;
  // By route: what was stored as checkpoint when each epoch ended.
  std::map<std::string, std::map<std::size_t, std::int64_t>> checkpoints_;
};

}  // namespace penstock::tests
