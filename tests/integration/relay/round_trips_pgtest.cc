// What a whole route costs in round trips to the database, counted on the wire: everything counts,
// leases and reported states too.
#include <gtest/gtest.h>

#include "connectors/store/store_source.h"
#include "relay/supervisor.h"
#include "store/postgres/postgres_store.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_sink.h"
#include "tests/support/memory_store.h"
#include "tests/support/postgres_outbox.h"
#include "tests/support/recording_log.h"
#include "tests/support/servers.h"
#include "tests/support/tcp_gate.h"

namespace penstock::relay {
namespace {

constexpr int kEvents = 50'000;
constexpr std::uint64_t kEventsPerRoundTrip = 100;

class RoundTripsOfARoute : public testing::Test {
 protected:
  void SetUp() override { PENSTOCK_NEEDS(tests::Server::kPostgres); }

  static std::string through(const tests::TcpGate& gate, const std::string& url) {
    return url + "?host=127.0.0.1&port=" + std::to_string(gate.port());
  }
  static std::uint16_t server_port(const tests::FreshDatabase& database) {
    return static_cast<std::uint16_t>(std::stoi(database.value("SHOW port")));
  }

  RoutePlan plan(std::string source_name, std::function<Result<std::unique_ptr<connectors::Source>>()> make_source) {
    RoutePlan plan;
    plan.settings.name = "counted";
    plan.settings.templates.destination = "events";
    plan.source_name = std::move(source_name);
    plan.make_source = std::move(make_source);
    plan.make_sink = [this](connectors::OutcomeListener& listener) -> Result<std::unique_ptr<connectors::Sink>> {
      return std::make_unique<tests::MemorySink>(
          broker_, listener,
          tests::MemorySinkSettings{.later_may_pass = connectors::LaterMayPass::kNo,
                                    .runs = tests::MemorySinkSettings::Runs::kByThread});
    };
    return plan;
  }

  void deliver_all(store::Store& store, RoutePlan plan) {
    std::vector<RoutePlan> plans;
    plans.push_back(std::move(plan));
    Supervisor supervisor(store, surroundings_, std::move(plans));
    supervisor.start();
    EXPECT_TRUE(broker_.wait_for_arrivals(kEvents, Deadline::in(std::chrono::seconds(60))));
    EXPECT_EQ(supervisor.drain(Deadline::in(std::chrono::seconds(20))), Ended::kDrained);
    EXPECT_EQ(broker_.arrival_count(), static_cast<std::size_t>(kEvents));
  }

  SystemClock clock_;
  SystemRandom random_;
  tests::RecordingLog log_;
  connectors::Surroundings surroundings_{clock_, random_, log_, "counted"};
  tests::MemoryBroker broker_;
};

TEST_F(RoundTripsOfARoute, OutOfTheStoreAreOneInAHundredEvents) {
  const tests::FreshDatabase database;
  const tests::TcpGate gate(server_port(database));
  const auto store = store::postgres::make_postgres_store({.url = Secret(through(gate, database.url()))}, "t", log_);
  ASSERT_TRUE(store);
  ASSERT_TRUE((*store)->migrate());
  database.execute(
      "INSERT INTO penstock.events SELECT n, n - 1, now(), now(), gen_random_uuid(), 'bulk-1', 'bulk', 'filled',"
      " 'application/json', '{}', NULL FROM generate_series(1, " +
      std::to_string(kEvents) + ") n; UPDATE penstock.head SET position = " + std::to_string(kEvents));
  const std::uint64_t before = gate.round_trips();
  deliver_all(**store, plan("store", [&]() -> Result<std::unique_ptr<connectors::Source>> {
    return connectors::make_store_source({.route = "counted"}, (*store)->log(), (*store)->checkpoints(),
                                         (*store)->gaps(), log_);
  }));
  EXPECT_EQ(database.value("SELECT position FROM penstock.checkpoints"), std::to_string(kEvents));
  EXPECT_GT(gate.round_trips(), before);
  EXPECT_LE(gate.round_trips() - before, kEvents / kEventsPerRoundTrip);
}

TEST_F(RoundTripsOfARoute, OutOfAnOutboxAreOneInAHundredEvents) {
  tests::PostgresOutbox outbox;
  const tests::TcpGate gate(static_cast<std::uint16_t>(std::stoi(outbox.value("SHOW port"))));
  outbox.settings().url = Secret(through(gate, outbox.url()));
  outbox.insert_many(kEvents);
  tests::MemoryStore store(std::make_shared<tests::MemoryDatabase>(clock_));
  deliver_all(store,
              plan("orders", [&]() -> Result<std::unique_ptr<connectors::Source>> { return outbox.make_source(); }));
  EXPECT_EQ(outbox.rows(), 0U);
  EXPECT_GT(gate.round_trips(), 0U);
  EXPECT_LE(gate.round_trips(), kEvents / kEventsPerRoundTrip);
}

}  // namespace
}  // namespace penstock::relay
