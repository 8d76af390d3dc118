// The metrics listener of the real program, on a SQLite store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/cli/scrape.h"

namespace penstock::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kRoute = R"(
[store]
url = "sqlite:events.db"
[[sink]]
name = "out"
kind = "console"
[[route]]
from = "store"
to = "out"
)";

class Metrics : public testing::Test {
 protected:
  Metrics() { folder_.write("penstock.toml", kRoute); }

  void listen_at(const std::string& address) {
    folder_.write("penstock.toml", std::string(kRoute) + "[metrics]\nlisten = \"" + address + "\"\n");
  }

  ProgramFolder folder_;
};

TEST_F(Metrics, AreServedWhereTheLogSays) {
  listen_at("127.0.0.1:0");
  RunningProgram program(folder_, "run", {"run"});
  ASSERT_TRUE(shows(program, "penstock_route_up{route=\"store-to-out\",kind=\"console\"} 1\n")) << program.err();
  ASSERT_EQ(folder_.call({"append", "order-7", "--type", "placed"}, "{}").exit_code, 0);
  EXPECT_TRUE(shows(program, "penstock_route_delivered_events_total{route=\"store-to-out\"} 1\n"));
  EXPECT_TRUE(shows(program, "penstock_route_checkpoint_position{route=\"store-to-out\"} 1\n"));
  const std::string text = scrape(program);
  EXPECT_THAT(text, HasSubstr("penstock_store_head_position 1\n"));
  EXPECT_THAT(text, HasSubstr("penstock_route_lag_seconds{route=\"store-to-out\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("penstock_log_messages_total{level=\"error\"} 0\n"));
  EXPECT_THAT(program.err(), Not(HasSubstr("no authentication")));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait_for_end(), 0) << program.err();
}

TEST_F(Metrics, AreServedWhileTheStoreIsAway) {
  folder_.environment["PENSTOCK_STORE__URL"] = "postgresql://u@127.0.0.1:1/none";
  folder_.environment["PENSTOCK_METRICS__LISTEN"] = "127.0.0.1:0";
  RunningProgram program(folder_, "run", {"run"});
  EXPECT_TRUE(shows(program, "penstock_started 0\n")) << program.err();
  EXPECT_TRUE(shows(program, "penstock_log_messages_total{level=\"warn\"} 1\n"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait_for_end(), 0) << program.err();
}

TEST_F(Metrics, AreNotServedUnlessSomebodyAsksForThem) {
  RunningProgram program(folder_, "run", {"run"});
  ASSERT_TRUE(program.wait_until([&] { return program.err().find("is running") != std::string::npos; }));
  EXPECT_THAT(program.err(), Not(HasSubstr("metrics")));
}

TEST_F(Metrics, AreServedAtThePortOfTheAlias) {
  folder_.environment["PROM_PORT"] = "0";
  RunningProgram program(folder_, "run", {"run"});
  EXPECT_TRUE(shows(program, "penstock_started 1\n")) << program.err();
}

TEST_F(Metrics, EndTheStartWhereTheirAddressIsTaken) {
  listen_at("127.0.0.1:0");
  RunningProgram first(folder_, "first", {"run"});
  ASSERT_TRUE(first.wait_until([&] { return metrics_port(first).has_value(); })) << first.err();
  const std::string address = "127.0.0.1:" + std::to_string(*metrics_port(first));
  folder_.environment["PENSTOCK_METRICS__LISTEN"] = address;
  const Ended second = folder_.call({"run"});
  EXPECT_EQ(second.exit_code, 71) << second.err;
  EXPECT_THAT(second.err,
              HasSubstr("[metrics] listen: can't listen at " + address + ": Address already in use. Choose"));
  EXPECT_THAT(second.err, HasSubstr("api.listen_failed"));
}

TEST_F(Metrics, AreNoSecretFromWhoeverReachesThem) {
  listen_at("0.0.0.0:0");
  RunningProgram program(folder_, "run", {"run"});
  ASSERT_TRUE(shows(program, "penstock_started 1\n")) << program.err();
  EXPECT_THAT(program.err(), HasSubstr("there is no authentication"));
}

// The grace period is for what the routes have in flight, not for whoever holds a connection.
TEST_F(Metrics, KeepNobodyFromStopping) {
  listen_at("127.0.0.1:0");
  RunningProgram program(folder_, "run", {"run"});
  ASSERT_TRUE(shows(program, "penstock_started 1\n")) << program.err();
  HttpTalk silent(*metrics_port(program)), half(*metrics_port(program));
  half.send("GET /metr");
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait_for_end(std::chrono::seconds(4)), 0) << program.err();
}

}  // namespace
}  // namespace penstock::tests
