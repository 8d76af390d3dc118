// penstock status, routes, parked and validate, over a store that a test has filled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/invariant.h"
#include "tests/integration/cli/program.h"

namespace penstock::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr std::string_view kConfiguration = R"([store]
url = "sqlite:events.db"
[[sink]]
name = "out"
kind = "console"
[[route]]
name = "printing"
from = "store"
to = "out"
)";

class Look : public testing::Test {
 protected:
  Look() {
    folder_.write("penstock.toml", kConfiguration);
    store_ = folder_.open_store("events.db");
    must(store_->migrate());
  }

  static void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().describe());
  }

  void report(std::string phase, std::string code = {}) {
    store::RouteState state;
    state.route = "printing";
    state.instance = "test-1";
    state.phase = std::move(phase);
    state.code = std::move(code);
    state.message = state.code.empty() ? "" : "the reason";
    state.settled = Position{2};
    state.lag_events = 3;
    state.lag_seconds = 1.5;
    must(store_->route_states().report({state}));
  }

  void make_checkpoint(std::string_view route) {
    auto lease = store_->leases().take("route/" + std::string(route), "test-1");
    if (!lease) throw std::runtime_error(lease.error().describe());
    must(store_->checkpoints().create(*lease, route, Position{0}).map([](const auto&) {}));
    must(store_->leases().release(*lease));
  }

  void park() {
    store::ParkedEvent row;
    row.route = "printing";
    row.source = "orders";
    row.source_key = "17";
    row.key = "7";
    row.code = "outbox.row_malformed";
    row.reason = "column id is no UUID";
    row.content = R"({"id":"x"})";
    must(store_->parked().park({row}));
  }

  json status() { return json::parse(folder_.call({"status", "-o", "json"}).out); }

  ProgramFolder folder_;
  std::unique_ptr<store::Store> store_;
};

TEST(LookAtNothing, FailsAndLeavesNoStoreBehind) {
  ProgramFolder folder;
  folder.write("penstock.toml", "[store]\nurl = \"sqlite:mistyped.db\"\n");
  for (const auto& command : {std::vector<std::string>{"status"},
                              {"status", "--quiet"},
                              {"read", "@all"},
                              {"streams", "ls"},
                              {"routes", "ls"},
                              {"parked", "ls"}}) {
    EXPECT_EQ(folder.call(command).exit_code, 69) << command.front();
  }
  EXPECT_THAT(folder.call({"status"}).err, HasSubstr("store.schema_missing"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("mistyped.db")));
}

TEST_F(Look, StatusTellsStoreAndRoutes) {
  report("running");
  make_checkpoint("printing");
  const json told = status();
  EXPECT_EQ(told.at("store").at("backend"), "sqlite");
  EXPECT_EQ(told.at("store").at("head"), "0");
  EXPECT_EQ(told.at("store").at("phase"), "open");
  EXPECT_TRUE(told.at("store").at("last_error").is_null());
  const json& route = told.at("routes").at(0);
  EXPECT_EQ(route.at("name"), "printing");
  EXPECT_EQ(route.at("phase"), "running");
  EXPECT_EQ(route.at("reporting"), true);
  EXPECT_EQ(route.at("checkpoint"), "0");
  EXPECT_EQ(route.at("lag_events"), 3);
  EXPECT_EQ(route.at("lag_seconds"), 1.5);
  EXPECT_EQ(route.at("parked"), 0);
  EXPECT_TRUE(route.at("last_error").is_null());
}

TEST_F(Look, StatusOfARouteThatNeverRanIsUnknown) {
  const json route = status().at("routes").at(0);
  EXPECT_EQ(route.at("phase"), "unknown");
  EXPECT_EQ(route.at("reporting"), false);
  EXPECT_TRUE(route.at("checkpoint").is_null());
}

TEST_F(Look, StatusTellsTheLastErrorWithItsCode) {
  report("backing_off", "kafka.unavailable");
  EXPECT_EQ(status().at("routes").at(0).at("last_error").at("code"), "kafka.unavailable");
  EXPECT_THAT(folder_.call({"status"}).out, HasSubstr("kafka.unavailable: the reason"));
}

TEST_F(Look, QuietStatusFailsOnAFailedRouteOnly) {
  EXPECT_EQ(folder_.call({"status", "--quiet"}).exit_code, 0);
  report("backing_off", "kafka.unavailable");
  EXPECT_EQ(folder_.call({"status", "--quiet"}).exit_code, 0);
  report("failed", "kafka.message_too_large");
  const Ended ended = folder_.call({"status", "--quiet"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_EQ(ended.out, "");
}

TEST_F(Look, QuietStatusIs69WithoutTheStore) {
  folder_.write("away.toml", "[store]\nurl = \"postgresql://nobody@127.0.0.1:1/none\"\n");
  EXPECT_EQ(folder_.call({"status", "--quiet", "-c", "away.toml"}).exit_code, 69);
  EXPECT_EQ(folder_.call({"status", "-c", "away.toml"}).exit_code, 69);
}

TEST_F(Look, RoutesAreListedAndShown) {
  report("running");
  EXPECT_EQ(json::parse(folder_.call({"routes", "ls", "-o", "json"}).out).size(), 1u);
  EXPECT_EQ(json::parse(folder_.call({"routes", "show", "printing", "-o", "json"}).out).at("phase"), "running");
  EXPECT_THAT(folder_.call({"routes", "show", "printing"}).out, HasSubstr("max_in_flight"));
  EXPECT_EQ(folder_.call({"routes", "show", "nobody"}).exit_code, 1);
}

TEST_F(Look, ParkedRowsAreListedAndShownWithTheirContent) {
  park();
  const json rows = json::parse(folder_.call({"parked", "ls", "-o", "json"}).out);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.at(0).at("code"), "outbox.row_malformed");
  EXPECT_EQ(rows.at(0).at("source_key"), "17");
  const std::string number = std::to_string(rows.at(0).at("number").get<int>());
  const json shown = json::parse(folder_.call({"parked", "show", number, "-o", "json"}).out);
  EXPECT_EQ(shown.at("content").at("id"), "x");
  EXPECT_EQ(shown.at("hint"), codes::kOutboxRowMalformed.hint);
  EXPECT_THAT(folder_.call({"parked", "show", number}).out, HasSubstr(std::string(codes::kOutboxRowMalformed.hint)));
  EXPECT_EQ(status().at("routes").at(0).at("parked"), 1);
  EXPECT_EQ(folder_.call({"parked", "ls", "--route", "other", "-o", "json"}).out, "[]\n");
  EXPECT_EQ(folder_.call({"parked", "show", "999"}).exit_code, 1);
}

TEST_F(Look, GapsAreListedShownAndAcknowledged) {
  EXPECT_EQ(folder_.call({"gaps", "ls", "-o", "json"}).out, "[]\n");
  store::GapRecord gap{.route = "printing", .reason = "relay.lost_tail", .from = {3}, .to = {3}};
  gap.events = {*EventId::parse("0198d2f0-0000-7000-8000-000000000001")};
  const auto number = store_->gaps().record(gap);
  ASSERT_TRUE(number) << number.error().describe();
  const json listed = json::parse(folder_.call({"gaps", "ls", "-o", "json"}).out);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].at("route"), "printing");
  EXPECT_EQ(listed[0].at("kind"), "route");
  EXPECT_TRUE(listed[0].at("acknowledged_by").is_null());
  const std::string name = std::to_string(*number);
  EXPECT_THAT(folder_.call({"gaps", "show", name}).out, HasSubstr("0198d2f0-0000-7000-8000-000000000001"));
  EXPECT_EQ(folder_.call({"gaps", "ack", name, "--by", ""}).exit_code, 64);
  const Ended acknowledged = folder_.call({"gaps", "ack", name, "--by", "anna"});
  EXPECT_EQ(acknowledged.exit_code, 0) << acknowledged.err;
  EXPECT_THAT(acknowledged.out, HasSubstr("gap " + name + " of the route printing is acknowledged by anna"));
  EXPECT_EQ(json::parse(folder_.call({"gaps", "show", name, "-o", "json"}).out).at("acknowledged_by"), "anna");
  EXPECT_THAT(folder_.call({"gaps", "ls"}).out, HasSubstr("1       route printing  relay.lost_tail  3     3   1  "));
  EXPECT_EQ(folder_.call({"gaps", "ack", "99"}).exit_code, 1);
  EXPECT_EQ(folder_.call({"gaps", "show", "99"}).exit_code, 1);
}

TEST_F(Look, GapsThatNameOnlyTheirFirstEventsSaySo) {
  store::GapRecord gap{.route = "printing", .reason = "store.removed", .from = {1}, .to = {30'000}};
  gap.events.resize(store::kMostNamed);
  ASSERT_TRUE(store_->gaps().record(gap));
  EXPECT_THAT(folder_.call({"gaps", "ls"}).out, HasSubstr("20000 or more"));
  EXPECT_THAT(store::describe(gap), HasSubstr("at least 20000 events at positions 1 to 30000"));
}

// Nobody knows which events lay between two places of a log.
TEST_F(Look, GapsOfSourcesNameTheirSourceAndNoNumberOfEvents) {
  const store::GapRecord gap{
      .of = store::GapRecord::Of::kSource, .route = "orders", .reason = "wal.slot_lost", .from = {0x10}, .to = {0x20}};
  const auto number = store_->gaps().record(gap);
  ASSERT_TRUE(number) << number.error().describe();
  const json listed = json::parse(folder_.call({"gaps", "ls", "-o", "json"}).out);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].at("source"), "orders");
  EXPECT_FALSE(listed[0].contains("route"));
  EXPECT_TRUE(listed[0].at("events").is_null());
  EXPECT_THAT(folder_.call({"gaps", "ls"}).out, HasSubstr("source orders  wal.slot_lost  0/10  0/20  unknown  "));
}

TEST_F(Look, StatusTellsWhereTheLogBeginsAndWhatWaits) {
  const json store = status().at("store");
  EXPECT_EQ(store.at("floor"), "0");
  EXPECT_EQ(store.at("inbox"), 0);
}

TEST_F(Look, StreamsAreListedWithTheirState) {
  for (const char* stream : {"order-1", "order-2", "order-3"})
    ASSERT_EQ(folder_.call({"append", stream, "--type", "placed"}, "{}").exit_code, 0);
  ASSERT_EQ(folder_.call({"streams", "delete", "order-1"}).exit_code, 0);
  ASSERT_EQ(folder_.call({"streams", "delete", "order-2", "--tombstone"}).exit_code, 0);
  const json listed = json::parse(folder_.call({"streams", "ls", "-o", "json"}).out);
  ASSERT_EQ(listed.size(), 3u);
  EXPECT_EQ(listed[0].at("state"), "deleted");
  EXPECT_EQ(listed[1].at("state"), "tombstoned");
  EXPECT_EQ(listed[2].at("state"), "live");
}

TEST_F(Look, RefusesLimitsOfNothing) {
  for (const auto& command : {std::vector<std::string>{"read", "@all", "--limit", "0"},
                              {"streams", "ls", "--limit", "0"},
                              {"parked", "ls", "--limit", "0"},
                              {"store", "scavenge", "--limit", "0"},
                              {"streams", "truncate", "order-1", "--before", "-1"}}) {
    const Ended refused = folder_.call(command);
    EXPECT_EQ(refused.exit_code, 64) << command.front();
    EXPECT_THAT(refused.err, HasSubstr("is no number (expected a whole one, ")) << command.front();
  }
}

TEST(LookWithoutAUrl, NamesWhatIsMissing) {
  ProgramFolder folder;
  folder.write("penstock.toml", "[store]\nurl = { env = \"NOWHERE_URL\" }\n");
  const Ended refused = folder.call({"status"});
  EXPECT_EQ(refused.exit_code, 78);
  EXPECT_THAT(refused.err, HasSubstr("NOWHERE_URL"));
}

TEST_F(Look, WaitsForNobodyWhoWrites) {
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(folder_.file("events.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE; UPDATE head SET position = position", nullptr, nullptr, nullptr),
            SQLITE_OK);
  for (const auto& command : {std::vector<std::string>{"read", "@all"},
                              {"status"},
                              {"types", "ls"},
                              {"streams", "ls"},
                              {"store", "check"},
                              {"store", "export", "a.jsonl"}}) {
    const Ended ended = folder_.call(command);
    EXPECT_EQ(ended.exit_code, 0) << command.front() << ": " << ended.err;
  }
  sqlite3_close(other);
}

TEST_F(Look, ValidateFindsCheckpointsWhoseRouteIsGone) {
  make_checkpoint("printing");
  make_checkpoint("former");
  const Ended ended = folder_.call({"validate"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out;
  EXPECT_THAT(ended.out, HasSubstr("warning  store: checkpoint of route former"));
  EXPECT_THAT(ended.out, HasSubstr("fix: give the route that goes on from there renamed_from = \"former\""));
  EXPECT_THAT(ended.out, testing::Not(HasSubstr("checkpoint of route printing")));
  EXPECT_EQ(folder_.call({"validate", "--deny-warnings"}).exit_code, 1);
}

TEST_F(Look, MigrateIsDone) {
  const json plan = json::parse(folder_.call({"migrate", "--plan", "-o", "json"}).out);
  EXPECT_EQ(plan.at("backend"), "sqlite");
  EXPECT_TRUE(plan.at("pending").empty());
}

TEST(Migrate, ShowsWhatWouldRunAndRunsIt) {
  ProgramFolder folder;
  folder.write("penstock.toml", "");
  const Ended plan = folder.call({"migrate", "--plan"});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("-- would run 0001"));
  EXPECT_THAT(plan.out, HasSubstr("CREATE TABLE"));
  EXPECT_THAT(folder.call({"migrate"}).out, HasSubstr("-- ran 0001"));
  EXPECT_THAT(folder.call({"migrate"}).out, HasSubstr("up to date"));
}

}  // namespace
}  // namespace penstock::tests
