#include "tests/e2e/relay_bed.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>
#include <stdexcept>

#include "tests/support/seeded_random.h"

namespace penstock::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kPartitions = 4;
constexpr seconds kDrainPatience{90};
constexpr seconds kStopPatience{15};

void require(bool held, const std::string& what) {
  if (!held) throw std::runtime_error(what);
}

}  // namespace

int kills_of_this_run(int otherwise) {
  const char* wanted = std::getenv("PENSTOCK_TEST_KILLS");
  return wanted == nullptr ? otherwise : std::atoi(wanted);
}

RelayBed::RelayBed(BedSettings settings)
    : settings_(settings),
      seed_(seed_of_this_run()),
      kafka_(address_of(Server::kKafka), kPartitions),
      rabbit_(address_of(Server::kRabbitMq)) {
  OrderWriter::make_tables(database_.url());
  if (settings_.settled == BedSettings::Settled::kTracked)
    database_.execute(
        "ALTER TABLE shop.outbox ADD UNIQUE (id);"
        " CREATE TABLE shop.outbox_settled (id uuid PRIMARY KEY, settled_at timestamptz NOT NULL DEFAULT now())");
  if (settings_.link == BedSettings::Link::kGated)
    gate_ = std::make_unique<TcpGate>(static_cast<std::uint16_t>(std::stoi(database_.value("SHOW port"))));
  if (settings_.outbox != BedSettings::Outbox::kPolled) make_slot();
  read_outbox(settings_.outbox);
  relay_ = std::make_unique<cli::RelayProcess>(command("penstock.toml", "relay.log"));
}

// Before the first row: a slot has nothing of what was committed before it.
void RelayBed::make_slot() {
  database_.execute("CREATE PUBLICATION outbox FOR TABLE shop.outbox WITH (publish = 'insert')");
  database_.execute("SELECT pg_create_logical_replication_slot('" + slot_name() + "', 'pgoutput')");
}

std::string RelayBed::slot_name() const { return database_.value("SELECT replace(current_database(), '-', '_')"); }

void RelayBed::read_outbox(BedSettings::Outbox how) {
  settings_.outbox = how;
  std::ofstream(folder_.file("penstock.toml")) << config_text(gated_url());
  std::ofstream(folder_.file("other.toml")) << config_text(database_.url());
}

std::string RelayBed::gated_url() const {
  std::string url = database_.url();
  if (gate_ == nullptr) return url;
  const std::string port = database_.value("SHOW port");
  return url.replace(url.find(":" + port) + 1, port.size(), std::to_string(gate_->port()));
}

std::string RelayBed::source_text(const std::string& database_url) const {
  std::string kind = "kind     = \"outbox\"";
  if (settings_.settled == BedSettings::Settled::kTracked) kind += "\npolicy   = \"track\"";
  if (settings_.outbox != BedSettings::Outbox::kPolled) {
    const char* settle = settings_.outbox == BedSettings::Outbox::kFromLogDeleting ? "delete" : "keep";
    kind = fmt::format("kind     = \"wal\"\npublication = \"outbox\"\nslot     = \"{}\"\nsettle   = \"{}\"",
                       slot_name(), settle);
  }
  return fmt::format(R"([[source]]
name     = "orders"
{}
url      = "{}"
table    = "shop.outbox"
profile  = "debezium"
order_by = "seq")",
                     kind, database_url);
}

std::string RelayBed::config_text(const std::string& database_url) const {
  return fmt::format(R"([store]
url = "{database}"

{source}

[[sink]]
name    = "kafka"
kind    = "kafka"
brokers = ["{brokers}"]

[[sink]]
name     = "rabbit"
kind     = "rabbitmq"
url      = "{rabbit}"
exchange = "{exchange}"

[[route]]
name = "orders-in"
from = "orders"
to   = "store"
max_in_flight = {window}

[[route]]
name  = "to-kafka"
from  = "store"
to    = "kafka"
topic = "{topic}"
max_in_flight = {window}

[[route]]
name = "to-rabbit"
from = "store"
to   = "rabbit"
max_in_flight = {window}
)",
                     fmt::arg("database", database_url), fmt::arg("source", source_text(database_url)),
                     fmt::arg("brokers", address_of(Server::kKafka)), fmt::arg("rabbit", address_of(Server::kRabbitMq)),
                     fmt::arg("exchange", rabbit_.exchange()), fmt::arg("topic", kafka_.topic()),
                     fmt::arg("window", settings_.max_in_flight));
}

cli::RelayCommand RelayBed::command(const std::string& config, const std::string& log) const {
  return {PENSTOCK_FAILPOINTS_PROGRAM, folder_.file(config), folder_.file(log), {{"PENSTOCK_FAILPOINT", ""}}};
}

void RelayBed::start_load() {
  writer_ = std::make_unique<OrderWriter>(WriterSettings{.url = database_.url(),
                                                         .seed = seed_,
                                                         .threads = settings_.writer_threads,
                                                         .between_transactions = settings_.between_transactions,
                                                         .latest_commit = settings_.latest_commit,
                                                         .prepared = settings_.prepared});
}

void RelayBed::start_relay(const std::string& failpoint) {
  cli::RelayCommand armed = command("penstock.toml", "relay.log");
  armed.environment["PENSTOCK_FAILPOINT"] = failpoint;
  relay_ = std::make_unique<cli::RelayProcess>(std::move(armed));
  const Status started = relay_->start();
  require(started.has_value(), started ? "" : started.error().describe());
}

int RelayBed::run_command(const std::string& arguments, const std::string& failpoint) const {
  const std::string line =
      fmt::format("PENSTOCK_FAILPOINT='{}' {} {} -c {} >>{} 2>&1", failpoint, PENSTOCK_FAILPOINTS_PROGRAM, arguments,
                  folder_.file("penstock.toml"), folder_.file("relay.log"));
  const int status = std::system(line.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void RelayBed::kill_relay() {
  require(relay_->running(), "the relay ended by itself: " + relay_->last_words());
  relay_->kill();
  end_epoch();
}

bool RelayBed::await_crash(seconds patience) {
  const Result<cli::ProcessEnd> end = relay_->await_end(Deadline::in(patience));
  if (!end) return false;
  require(end->by == cli::ProcessEnd::By::kSignal && end->number == SIGKILL,
          "the relay ended otherwise: " + relay_->last_words());
  end_epoch();
  return true;
}

void RelayBed::stop_relay() {
  const Result<cli::ProcessEnd> end = relay_->terminate(Deadline::in(kStopPatience));
  require(end.has_value(), end ? "" : end.error().describe());
  require(end->by == cli::ProcessEnd::By::kExit && end->number == 0,
          fmt::format("the relay ended with {}: {}", end->number, relay_->last_words()));
  end_epoch();
}

void RelayBed::end_epoch() {
  const std::size_t epoch = kafka_.epochs() - 1;
  for (const char* route : {"to-kafka", "to-rabbit"}) {
    const std::string stored =
        database_.value(fmt::format("select position from penstock.checkpoints where route = '{}'", route));
    checkpoints_[route][epoch] = stored.empty() ? 0 : std::stoll(stored);
  }
  kafka_.mark_epoch();
  rabbit_.mark_epoch();
}

bool RelayBed::await_value(const std::string& sql, const std::string& value, seconds patience) const {
  const Deadline deadline = Deadline::in(patience);
  while (!deadline.expired()) {
    try {
      if (database_.value(sql) == value) return true;
    } catch (const std::runtime_error&) {
      // Not there yet, or the server is away: that is what is waited for.
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

void RelayBed::await_progress(std::size_t events, seconds patience) {
  const std::string goal = fmt::format("(select position from penstock.head) >= {}", [&] {
    try {
      const std::string head = database_.value("select position from penstock.head");
      return std::stoll(head) + static_cast<long long>(events);
    } catch (const std::runtime_error&) {
      return static_cast<long long>(events);  // the store was not made yet
    }
  }());
  require(await_value("select " + goal, "t", patience), "the relay makes no progress:\n" + log_text());
}

std::unique_ptr<cli::RelayProcess> RelayBed::make_other_instance() {
  return std::make_unique<cli::RelayProcess>(command("other.toml", "other.log"));
}

Verdicts RelayBed::finish() {
  writer_->stop();
  const std::vector<CommittedEvent> committed = OrderWriter::read_committed(database_.url());
  const Enough all = [&](std::size_t different) { return different >= committed.size(); };
  auto from_kafka = std::async(std::launch::async, [&] { return kafka_.read(all, kDrainPatience); });
  const std::vector<ArrivedEvent> in_queue = rabbit_.read(all, kDrainPatience);
  const std::vector<ArrivedEvent> in_topic = from_kafka.get();
  if (relay_->running()) stop_relay();
  check_store(committed);
  return {judge_end(kafka_, committed, in_topic, "to-kafka"), judge_end(rabbit_, committed, in_queue, "to-rabbit")};
}

Judgement RelayBed::judge_end(BrokerEnd& end, const std::vector<CommittedEvent>& committed,
                              const std::vector<ArrivedEvent>& arrived, const char* route) {
  History history;
  history.committed = committed;
  history.arrived = arrived;
  history.checkpoints = checkpoints_[route];
  Judgement judgement = judge(history);
  fmt::print("{}: {}", end.name(), judgement.describe());
  return judgement;
}

// An outbox whose settled rows are deleted is empty, and the store holds each committed event once, without a gap.
void RelayBed::check_store(const std::vector<CommittedEvent>& committed) const {
  const std::string count = std::to_string(committed.size());
  const std::string unsettled =
      settings_.settled == BedSettings::Settled::kTracked
          ? "select count(*) from shop.outbox where id not in (select id from shop.outbox_settled)"
          : "select count(*) from shop.outbox";
  if (settings_.outbox != BedSettings::Outbox::kFromLog)
    require(await_value(unsettled, "0", seconds(10)), "rows were left in the outbox");
  const std::string facts = database_.value(
      "select concat_ws(' ', count(*), count(distinct id), coalesce(max(position), 0)) from penstock.events");
  require(facts == fmt::format("{0} {0} {0}", count),
          "events, ids, head in the store: " + facts + "; committed: " + count);
}

std::string RelayBed::log_text() const {
  std::ostringstream text;
  text << std::ifstream(folder_.file("relay.log")).rdbuf();
  return text.str();
}

}  // namespace penstock::tests
