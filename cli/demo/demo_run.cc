#include "cli/demo/demo_run.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>

namespace penstock::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kTopic = "outbox.event.order";
constexpr int kPartitions = 4;
constexpr std::size_t kOrders = 24;
constexpr std::size_t kKills = 2;
constexpr milliseconds kBetweenTransactions{4};
constexpr milliseconds kDownFor{300};
constexpr seconds kPatience{30};

std::atomic<bool> interrupted{false};

// Makes SIGINT and SIGTERM a reason to clean up, as long as it lives.
class InterruptGuard {
 public:
  InterruptGuard() {
    struct sigaction remember {};
    remember.sa_handler = [](int) { interrupted = true; };
    sigaction(SIGINT, &remember, &before_[0]);
    sigaction(SIGTERM, &remember, &before_[1]);
  }
  ~InterruptGuard() {
    sigaction(SIGINT, &before_[0], nullptr);
    sigaction(SIGTERM, &before_[1], nullptr);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction before_[2]{};
};

Status check_interrupt() {
  if (interrupted) return fail(codes::kStopped, "the demo was interrupted");
  return {};
}

std::string indented(const std::string& text) {
  std::string result = "    ";
  for (const char c : text) {
    result += c;
    if (c == '\n') result += "    ";
  }
  result.resize(result.size() - 4);
  return result;
}

}  // namespace

DemoRun::DemoRun(DemoSettings settings, std::ostream& out)
    : settings_(std::move(settings)), out_(out), narrator_(out) {}

Result<DemoOutcome> DemoRun::run() {
  const InterruptGuard guard;
  for (const auto step :
       {&DemoRun::prepare, &DemoRun::write_and_kill, &DemoRun::await_arrivals, &DemoRun::stop_relay}) {
    if (Status done = (this->*step)(); !done) return fail(std::move(done.error()));
  }
  judge();
  return outcome_;
}

std::string DemoRun::config_text() const {
  return fmt::format(R"([store]
url = "sqlite:{0}/store.db"

[[source]]
name     = "orders"
kind     = "outbox"
url      = "sqlite:{0}/orders.db"
table    = "outbox"
profile  = "debezium"
order_by = "seq"

[[sink]]
name    = "kafka"
kind    = "kafka"
brokers = ["{1}"]

[[route]]
from = "orders"
to   = "store"

[[route]]
from = "store"
to   = "kafka"
)",
                     settings_.folder.string(), broker_->address());
}

Status DemoRun::prepare() {
  auto broker = kafka::DemoBroker::start();
  if (!broker) return fail(std::move(broker.error()));
  broker_ = std::move(*broker);
  if (Status made = broker_->create_topic(kTopic, kPartitions); !made) return made;

  auto orders = outbox::DemoOrders::create((settings_.folder / "orders.db").string());
  if (!orders) return fail(std::move(orders.error()));
  orders_ = std::move(*orders);

  const std::string config_path = (settings_.folder / "penstock.toml").string();
  std::ofstream config(config_path);
  config << config_text();
  config.close();
  if (!config) return fail(codes::kInternal, "demo: " + config_path + " can't be written");
  out_ << "An orders service with an outbox table (SQLite), the relay with its own store (SQLite), a Kafka-protocol\n"
          "broker in memory and a consumer, all on this machine. The relay runs as `penstock run -c "
       << config_path << "`:\n\n"
       << indented(config_text()) << '\n';

  auto consumer = DemoConsumer::start(broker_->address(), kTopic, narrator_);
  if (!consumer) return fail(std::move(consumer.error()));
  consumer_ = std::move(*consumer);
  Result<std::string> program = path_of_this_program();
  if (!program) return fail(std::move(program.error()));
  relay_ = std::make_unique<RelayProcess>(
      RelayCommand{std::move(*program), config_path, (settings_.folder / "relay.log").string()});
  if (Status started = relay_->start(); !started) return started;
  narrator_.say("relay", fmt::format("started, process {}", relay_->pid()));
  return {};
}

Status DemoRun::write_and_kill() {
  SteadyTime next = clock_.now();
  while (committed_.size() < settings_.events) {
    if (Status going = check_interrupt(); !going) return going;
    if (Status written = write_transaction(); !written) return written;
    if (Status tended = tend_relay(); !tended) return tended;
    next += kBetweenTransactions;
    std::this_thread::sleep_until(next);
  }
  narrator_.say("orders", fmt::format("{} events committed in {} transactions; {} more were rolled back",
                                      committed_.size(), outcome_.transactions, outcome_.rolled_back));
  return {};
}

Status DemoRun::write_transaction() {
  static constexpr std::array<const char*, 4> kTypes{"LineAdded", "LineRemoved", "OrderPaid", "OrderShipped"};
  std::vector<outbox::DemoOrderEvent> events(1 + random_.below(4));
  for (outbox::DemoOrderEvent& event : events) {
    event.id = make_event_id(clock_, random_);
    event.order = std::to_string(1 + random_.below(kOrders));
    event.type = kTypes[random_.below(kTypes.size())];
    event.amount = static_cast<int>(random_.below(100));
    event.payload = fmt::format(R"({{"order":{},"amount":{}.00,"at":"{}"}})", event.order, event.amount,
                                format_timestamp(clock_.wall_now()));
  }
  const bool regret = random_.below(10) == 0;
  using Ending = outbox::DemoOrders::Ending;
  if (Status written = orders_->write(events, regret ? Ending::kRollBack : Ending::kCommit); !written) return written;
  if (regret) {
    ++outcome_.rolled_back;
    return {};
  }
  ++outcome_.transactions;
  for (outbox::DemoOrderEvent& event : events) committed_.push_back(std::move(event));
  return {};
}

// Kills the relay when a third and two thirds are committed, and starts it again a moment later.
Status DemoRun::tend_relay() {
  if (restart_at_ != SteadyTime{}) {
    if (clock_.now() < restart_at_) return {};
    restart_at_ = {};
    if (Status started = relay_->start(); !started) return started;
    narrator_.say("relay", fmt::format("started again, process {}", relay_->pid()));
    return {};
  }
  if (!relay_->running()) return fail(codes::kInternal, "the relay ended by itself: " + relay_->last_words());
  if (outcome_.kills == kKills || committed_.size() < settings_.events * (outcome_.kills + 1) / (kKills + 1)) return {};
  relay_->kill();
  ++outcome_.kills;
  restart_at_ = clock_.now() + kDownFor;
  narrator_.say("relay", fmt::format("killed with SIGKILL when {} events were committed and {} had arrived",
                                     committed_.size(), consumer_->different()));
  return {};
}

Status DemoRun::await_arrivals() {
  const Deadline deadline = Deadline::in(kPatience);
  while (consumer_->different() < committed_.size() && !deadline.expired()) {
    if (Status going = check_interrupt(); !going) return going;
    if (Status tended = tend_relay(); !tended) return tended;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return {};
}

Status DemoRun::stop_relay() {
  const Result<ProcessEnd> ending = relay_->terminate(Deadline::in(kPatience));
  if (!ending) return fail(ending.error());
  if (ending->by != ProcessEnd::By::kExit || ending->number != 0) {
    return fail(codes::kInternal, fmt::format("the relay ended with {}: {}", ending->number, relay_->last_words()));
  }
  narrator_.say("relay", "ended after SIGTERM, exit code 0");
  return {};
}

void DemoRun::judge() {
  Ledger ledger;
  for (const outbox::DemoOrderEvent& event : committed_) ledger.commit(event.id, event.order, event.payload);
  for (const DemoConsumer::Arrival& arrival : consumer_->finish())
    ledger.arrive(arrival.id, arrival.key, arrival.payload);
  outcome_.verdict = ledger.verdict();
}

}  // namespace penstock::cli
