// Fifty outboxes in ten databases, read by one program.
#include <gtest/gtest.h>

#include <thread>

#include "connectors/outbox/source_sessions.h"
#include "relay/supervisor.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_sink.h"
#include "tests/support/memory_source_checkpoints.h"
#include "tests/support/memory_source_gaps.h"
#include "tests/support/memory_store.h"
#include "tests/support/postgres_outbox.h"
#include "tests/support/recording_log.h"
#include "tests/support/servers.h"
#include "tests/support/tcp_gate.h"

namespace penstock::relay {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kDatabases = 10, kTables = 5, kSources = kDatabases * kTables;
constexpr std::size_t kSessions = kDatabases * outbox::kSessionsOfADatabase;
constexpr std::uint64_t kRoundTripsASecond = 4;  // of an idle source

class ManySources : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(tests::Server::kPostgres);
    databases_ = std::vector<tests::FreshDatabase>(kDatabases);
    const auto port = static_cast<std::uint16_t>(std::stoi(databases_[0].value("SHOW port")));
    healthy_ = std::make_unique<tests::TcpGate>(port);
    ill_ = std::make_unique<tests::TcpGate>(port);
    std::vector<Secret> urls;
    for (std::size_t source = 0; source < kSources; ++source) {
      if (source % kTables == 0) databases_[source / kTables].execute("CREATE SCHEMA shop");
      databases_[source / kTables].execute(
          "CREATE TABLE shop.outbox" + std::to_string(source % kTables) +
          " (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid DEFAULT gen_random_uuid(),"
          " aggregatetype text, aggregateid text, type text, payload jsonb)");
      urls.push_back(url_of(source));
    }
    sessions_ = std::make_unique<outbox::SourceSessions>(urls);
  }

  // The last database lies behind a gate of its own.
  static bool is_ill(std::size_t source) { return source / kTables == kDatabases - 1; }
  Secret url_of(std::size_t source) const {
    const tests::TcpGate& gate = is_ill(source) ? *ill_ : *healthy_;
    return Secret(databases_[source / kTables].url() + "?host=127.0.0.1&port=" + std::to_string(gate.port()));
  }

  std::unique_ptr<connectors::Source> make_source(std::size_t source) {
    outbox::OutboxSettings settings;
    settings.source_name = "source" + std::to_string(source);
    settings.url = url_of(source);
    settings.table = {"shop", "outbox" + std::to_string(source % kTables)};
    settings.order_by = "seq";
    settings.columns = outbox::columns_of(*outbox::find_profile("debezium"));
    return outbox::make_outbox_source(settings, checkpoints_, gaps_, surroundings_, sessions_.get());
  }

  std::vector<RoutePlan> plans() {
    std::vector<RoutePlan> plans;
    for (std::size_t source = 0; source < kSources; ++source) {
      RoutePlan& plan = plans.emplace_back();
      plan.settings.name = "route" + std::to_string(source);
      plan.settings.templates.destination = "events";
      plan.source_name = "source" + std::to_string(source);
      plan.make_source = [this, source]() -> Result<std::unique_ptr<connectors::Source>> {
        return make_source(source);
      };
      plan.make_sink = [this](connectors::OutcomeListener& listener) -> Result<std::unique_ptr<connectors::Sink>> {
        return std::make_unique<tests::MemorySink>(
            broker_, listener, tests::MemorySinkSettings{.runs = tests::MemorySinkSettings::Runs::kByThread});
      };
    }
    return plans;
  }

  enum class Where { kEverywhere, kNotInTheIll };
  void insert_rows(int rows, Where where) {
    for (std::size_t source = 0; source < kSources; ++source) {
      if (where == Where::kNotInTheIll && is_ill(source)) continue;
      databases_[source / kTables].execute("INSERT INTO shop.outbox" + std::to_string(source % kTables) +
                                           " (aggregatetype, aggregateid, type, payload) SELECT 'order', i::text,"
                                           " 'counted', to_jsonb(i) FROM generate_series(1, " +
                                           std::to_string(rows) + ") i");
    }
  }
  std::size_t rows_left() const {
    std::size_t rows = 0;
    for (std::size_t source = 0; source < kSources; ++source)
      rows += std::stoul(
          databases_[source / kTables].value("SELECT count(*) FROM shop.outbox" + std::to_string(source % kTables)));
    return rows;
  }
  std::size_t backends() const {
    std::string names;
    for (const auto& database : databases_) names += (names.empty() ? "'" : ", '") + database.name() + "'";
    return std::stoul(
        databases_[0].value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'penstock%'"
                            " AND datname IN (" +
                            names + ")"));
  }
  static std::size_t running(const Supervisor& supervisor) {
    const auto states = supervisor.states();
    return static_cast<std::size_t>(
        std::count_if(states.begin(), states.end(), [](const auto& state) { return state.phase == "running"; }));
  }

  std::vector<tests::FreshDatabase> databases_;
  std::unique_ptr<tests::TcpGate> healthy_, ill_;
  SystemClock clock_;
  SystemRandom random_;
  tests::RecordingLog log_;
  connectors::Surroundings surroundings_{clock_, random_, log_, "many"};
  tests::MemorySourceCheckpoints checkpoints_;
  tests::MemorySourceGaps gaps_;
  std::unique_ptr<outbox::SourceSessions> sessions_;
  tests::MemoryBroker broker_;
};

TEST_F(ManySources, ShareTheSessionsOfTheirDatabasesAndFallWithTheirOwnOnly) {
  tests::MemoryStore store(std::make_shared<tests::MemoryDatabase>(clock_));
  Supervisor supervisor(store, surroundings_, plans());
  supervisor.start();
  ASSERT_TRUE(tests::eventually([&] { return running(supervisor) == kSources; }, Deadline::in(60s)));
  EXPECT_EQ(backends(), kSessions);

  insert_rows(20, Where::kEverywhere);
  EXPECT_TRUE(broker_.wait_for_arrivals(kSources * 20, Deadline::in(60s)));
  EXPECT_TRUE(tests::eventually([&] { return rows_left() == 0; }, Deadline::in(60s)));
  EXPECT_EQ(backends(), kSessions);

  ill_->go_away();
  EXPECT_TRUE(tests::eventually([&] { return running(supervisor) == kSources - kTables; }, Deadline::in(60s)));
  insert_rows(10, Where::kNotInTheIll);
  EXPECT_TRUE(broker_.wait_for_arrivals(kSources * 20 + (kSources - kTables) * 10, Deadline::in(60s)));
  EXPECT_EQ(backends(), kSessions - outbox::kSessionsOfADatabase);

  ill_->come_back();
  EXPECT_TRUE(tests::eventually([&] { return running(supervisor) == kSources; }, Deadline::in(60s)));
  EXPECT_EQ(backends(), kSessions);
  EXPECT_EQ(supervisor.drain(Deadline::in(20s)), Ended::kDrained);
  EXPECT_EQ(broker_.arrival_count(), kSources * 20 + (kSources - kTables) * 10);
  EXPECT_EQ(rows_left(), 0U);
}

// The pace of the polls is the source's own, so a machine that is busy makes fewer of them, and never more.
TEST_F(ManySources, CostFewRoundTripsWhileTheyAreIdle) {
  tests::MemoryStore store(std::make_shared<tests::MemoryDatabase>(clock_));
  Supervisor supervisor(store, surroundings_, plans());
  supervisor.start();
  ASSERT_TRUE(tests::eventually([&] { return running(supervisor) == kSources; }, Deadline::in(60s)));
  const auto polls_of = [&] { return healthy_->round_trips() + ill_->round_trips(); };
  const std::uint64_t before = polls_of();
  const SteadyTime start = clock_.now();
  // So many that a second of them can't pass for nothing.
  ASSERT_TRUE(
      tests::eventually([&] { return polls_of() >= before + 3 * kSources * kRoundTripsASecond; }, Deadline::in(60s)));
  const std::uint64_t made = polls_of() - before;
  const std::chrono::duration<double> passed = clock_.now() - start;
  EXPECT_LE(static_cast<double>(made), passed.count() * kRoundTripsASecond * kSources * 1.02);
  RecordProperty("round_trips_a_second_and_source",
                 std::to_string(static_cast<double>(made) / passed.count() / kSources));
  EXPECT_EQ(supervisor.drain(Deadline::in(20s)), Ended::kDrained);
}

}  // namespace
}  // namespace penstock::relay
