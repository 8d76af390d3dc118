// One run of `penstock demo`, from an empty folder to the verdict.
#pragma once

#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "cli/demo/consumer.h"
#include "cli/demo/narrator.h"
#include "cli/demo/relay_process.h"
#include "cli/demo/verdict.h"
#include "connectors/kafka/demo_broker.h"
#include "connectors/outbox/demo/demo_orders.h"
#include "core/random.h"

namespace penstock::cli {

struct DemoSettings {
  std::size_t events = 3'000;  // to commit, roughly; bounded so that the broker in memory keeps all of them
  std::filesystem::path folder;
};

struct DemoOutcome {
  Verdict verdict;
  std::size_t transactions = 0, rolled_back = 0, kills = 0;
};

// Threads: the one that made it makes all calls. Error: core.stopped after SIGINT or SIGTERM.
class DemoRun {
 public:
  DemoRun(DemoSettings settings, std::ostream& out);

  Result<DemoOutcome> run();

 private:
  Status prepare();
  Status write_and_kill();
  Status write_transaction();
  Status tend_relay();
  Status await_arrivals();
  Status stop_relay();
  void judge();
  std::string config_text() const;

  DemoSettings settings_;
  std::ostream& out_;
  Narrator narrator_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<kafka::DemoBroker> broker_;
  std::unique_ptr<outbox::DemoOrders> orders_;
  std::unique_ptr<DemoConsumer> consumer_;
  std::unique_ptr<RelayProcess> relay_;
  SteadyTime restart_at_{};
  std::vector<outbox::DemoOrderEvent> committed_;
  DemoOutcome outcome_;
};

}  // namespace penstock::cli
