// From reports to the text that is scraped.
#include "api/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <set>
#include <sstream>

namespace penstock::api {
namespace {

using relay::NamedReport;
using relay::RoutePhase;
using relay::RouteReport;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr Timestamp kNow{std::chrono::seconds(1'000)};

NamedReport named(std::string route, std::string source_kind) {
  const bool from_store = source_kind == "store";
  return {std::move(route), {from_store ? "store" : "orders", std::move(source_kind)}, {"broker", "kafka"}, {}};
}

std::string text_of(std::vector<NamedReport> routes) {
  Figures figures;
  figures.now = kNow;
  figures.version = "1.2.3";
  figures.routes = std::move(routes);
  return metrics_text(figures);
}

std::string text_of(NamedReport route) { return text_of(std::vector<NamedReport>{std::move(route)}); }

// Lines of a metric, without its name: `{route="in"} 1`.
std::vector<std::string> series(const std::string& text, const std::string& name) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + "{") || line.starts_with(name + " ")) found.push_back(line.substr(name.size()));
  return found;
}

std::string one(const std::string& text, const std::string& name) {
  const auto found = series(text, name);
  return found.size() == 1 ? found.front() : std::to_string(found.size()) + " series";
}

TEST(MetricsText, SaysWhatTheProgramIsBeforeThereIsAnyRoute) {
  Figures figures;
  figures.version = "1.2.3";
  figures.log.lines = {0, 1, 2, 3, 4};
  figures.log.dropped = 5;
  const std::string text = metrics_text(figures);
  EXPECT_EQ(one(text, "penstock_build_info"), R"({version="1.2.3"} 1)");
  EXPECT_EQ(one(text, "penstock_started"), " 0");
  EXPECT_EQ(one(text, "penstock_log_dropped_total"), " 5");
  EXPECT_THAT(series(text, "penstock_log_messages_total"),
              UnorderedElementsAre(R"({level="trace"} 0)", R"({level="debug"} 1)", R"({level="info"} 2)",
                                   R"({level="warn"} 3)", R"({level="error"} 4)"));
  EXPECT_THAT(text, Not(HasSubstr("penstock_route")));
  EXPECT_THAT(text, Not(HasSubstr("process_")));
}

TEST(MetricsText, HasHelpAndTypeForEachFamilyThatItShows) {
  const std::string text = text_of(named("in", "wal"));
  EXPECT_THAT(text, HasSubstr("# HELP penstock_route_up 1 while the route relays"));
  EXPECT_THAT(text, HasSubstr("# TYPE penstock_route_up gauge\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE penstock_route_retries_total counter\n"));
  EXPECT_THAT(text, Not(HasSubstr("penstock_slot")));
}

TEST(MetricsText, HasOneStateOfARouteAtATime) {
  NamedReport route = named("in", "outbox");
  route.report.phase = RoutePhase::kBackingOff;
  route.report.code = "kafka.unavailable";
  const std::string text = text_of(route);
  EXPECT_THAT(series(text, "penstock_route_state"),
              UnorderedElementsAre(R"({route="in",state="starting"} 0)", R"({route="in",state="standby"} 0)",
                                   R"({route="in",state="running"} 0)", R"({route="in",state="backing_off"} 1)",
                                   R"({route="in",state="blocked"} 0)", R"({route="in",state="draining"} 0)",
                                   R"({route="in",state="stopped"} 0)", R"({route="in",state="failed"} 0)"));
  EXPECT_EQ(one(text, "penstock_route_up"), R"({route="in",kind="kafka"} 0)");
  EXPECT_EQ(one(text, "penstock_route_fault"), R"({route="in",code="kafka.unavailable"} 1)");
}

TEST(MetricsText, SaysThatARouteRuns) {
  NamedReport route = named("in", "outbox");
  route.report.phase = RoutePhase::kRunning;
  route.report.lease = RouteReport::Held::kYes;
  route.report.source_is = RouteReport::Open::kYes;
  const std::string text = text_of(route);
  EXPECT_EQ(one(text, "penstock_started"), " 1");
  EXPECT_EQ(one(text, "penstock_route_up"), R"({route="in",kind="kafka"} 1)");
  EXPECT_EQ(one(text, "penstock_route_fault"), "0 series");
  EXPECT_EQ(one(text, "penstock_lease_held"), R"({route="in"} 1)");
  EXPECT_EQ(one(text, "penstock_source_up"), R"({source="orders"} 1)");
  EXPECT_EQ(one(text, "penstock_route_info"),
            R"({route="in",source="orders",source_kind="outbox",sink="broker",sink_kind="kafka"} 1)");
}

TEST(MetricsText, CountsWhatTheRouteCounts) {
  NamedReport route = named("in", "outbox");
  route.report.counters = {.delivered = 12'345'678'901'234,
                           .submitted = 2,
                           .retries = 3,
                           .filtered = 4,
                           .parked = 5,
                           .skipped = 6,
                           .settle_calls = 7,
                           .source_openings = 8,
                           .sink_openings = 9,
                           .unexpected_reports = 10};
  route.report.source.reads = 11;
  route.report.source.rereads = 12;
  route.report.source.full_scans = 13;
  route.report.in_flight = 14;
  route.report.in_flight_bytes = 15;
  const std::string text = text_of(route);
  EXPECT_EQ(one(text, "penstock_route_delivered_events_total"), R"({route="in"} 12345678901234)");
  EXPECT_EQ(one(text, "penstock_route_submitted_messages_total"), R"({route="in"} 2)");
  EXPECT_EQ(one(text, "penstock_route_retries_total"), R"({route="in"} 3)");
  EXPECT_EQ(one(text, "penstock_route_filtered_events_total"), R"({route="in"} 4)");
  EXPECT_EQ(one(text, "penstock_route_parked_events_total"), R"({route="in"} 5)");
  EXPECT_EQ(one(text, "penstock_route_skipped_events_total"), R"({route="in"} 6)");
  EXPECT_EQ(one(text, "penstock_route_settle_calls_total"), R"({route="in"} 7)");
  EXPECT_EQ(one(text, "penstock_route_source_openings_total"), R"({route="in"} 8)");
  EXPECT_EQ(one(text, "penstock_route_sink_openings_total"), R"({route="in"} 9)");
  EXPECT_EQ(one(text, "penstock_route_unexpected_reports_total"), R"({route="in"} 10)");
  EXPECT_EQ(one(text, "penstock_source_reads_total"), R"({source="orders"} 11)");
  EXPECT_EQ(one(text, "penstock_source_rereads_total"), R"({source="orders"} 12)");
  EXPECT_EQ(one(text, "penstock_source_full_scans_total"), R"({source="orders"} 13)");
  EXPECT_EQ(one(text, "penstock_route_in_flight_events"), R"({route="in"} 14)");
  EXPECT_EQ(one(text, "penstock_route_in_flight_bytes"), R"({route="in"} 15)");
}

TEST(MetricsText, SaysHowFarRoutesFromTheStoreAre) {
  NamedReport behind = named("behind", "store"), level = named("level", "store");
  behind.report.source.settled = Position{40};
  behind.report.source.head = Position{90};
  behind.report.source.lag_events = 50;
  behind.report.oldest_unsettled = kNow - std::chrono::milliseconds(2'500);
  level.report.source.settled = level.report.source.head = Position{100};
  level.report.source.lag_events = 0;
  const std::string text = text_of({behind, level});
  EXPECT_EQ(one(text, "penstock_store_head_position"), " 100");
  EXPECT_THAT(series(text, "penstock_route_checkpoint_position"),
              UnorderedElementsAre(R"({route="behind"} 40)", R"({route="level"} 100)"));
  EXPECT_THAT(series(text, "penstock_route_lag_events"),
              UnorderedElementsAre(R"({route="behind"} 50)", R"({route="level"} 0)"));
  EXPECT_THAT(series(text, "penstock_route_lag_seconds"),
              UnorderedElementsAre(R"({route="behind"} 2.5)", R"({route="level"} 0)"));
  // Two routes have the store as their source: figures by source would stand twice.
  EXPECT_THAT(text, Not(HasSubstr("penstock_source_")));
}

TEST(MetricsText, LeavesOutWhatIsNotKnown) {
  const std::string text = text_of(named("in", "outbox"));
  for (const char* name :
       {"penstock_store_head_position", "penstock_route_checkpoint_position", "penstock_route_lag_events",
        "penstock_route_lag_seconds", "penstock_source_held_back_seconds",
        "penstock_source_heartbeat_round_trip_seconds", "penstock_slot_status", "penstock_slot_retained_wal_bytes",
        "penstock_slot_safe_wal_bytes", "penstock_slot_safe_wal_share"})
    EXPECT_THAT(text, Not(HasSubstr(name)));
}

TEST(MetricsText, NamesWhatHoldsASourceBack) {
  NamedReport route = named("in", "outbox");
  route.report.source.held_back_by = connectors::Blocker{4711, "psql", std::chrono::seconds(75)};
  EXPECT_EQ(one(text_of(route), "penstock_source_held_back_seconds"),
            R"({source="orders",pid="4711",application="psql",age="known"} 75)");
  route.report.source.held_back_by =
      connectors::Blocker{0, "xa-17", std::chrono::seconds(3), connectors::Blocker::Age::kAtLeast};
  EXPECT_EQ(one(text_of(route), "penstock_source_held_back_seconds"),
            R"({source="orders",pid="0",application="xa-17",age="at_least"} 3)");
}

TEST(MetricsText, EscapesTheNameOfAForeignApplication) {
  NamedReport route = named("in", "outbox");
  route.report.source.held_back_by =
      connectors::Blocker{1, "a\"} 1\nevil{b\\\xff" + std::string(100, 'x'), std::chrono::seconds(1)};
  EXPECT_EQ(one(text_of(route), "penstock_source_held_back_seconds"),
            R"({source="orders",pid="1",application="a\"} 1?evil{b\\?)" + std::string(50, 'x') + R"(",age="known"} 1)");
}

TEST(MetricsText, SaysHowASlotFares) {
  NamedReport route = named("in", "wal");
  route.report.source.slot = {"extended", 30 << 20, 64 << 20, 34 << 20, std::chrono::microseconds(3'500)};
  const std::string text = text_of(route);
  EXPECT_THAT(
      series(text, "penstock_slot_status"),
      UnorderedElementsAre(R"({source="orders",status="reserved"} 0)", R"({source="orders",status="extended"} 1)",
                           R"({source="orders",status="unreserved"} 0)", R"({source="orders",status="lost"} 0)"));
  EXPECT_EQ(one(text, "penstock_slot_retained_wal_bytes"), R"({source="orders"} 35651584)");
  EXPECT_EQ(one(text, "penstock_slot_safe_wal_bytes"), R"({source="orders"} 31457280)");
  EXPECT_EQ(one(text, "penstock_slot_safe_wal_share"), R"({source="orders"} 0.46875)");
  EXPECT_EQ(one(text, "penstock_source_heartbeat_round_trip_seconds"), R"({source="orders"} 0.0035)");
}

TEST(MetricsText, GivesASlotNoShareWhereTheServerSetsNoLimit) {
  NamedReport route = named("in", "wal");
  route.report.source.slot = {"reserved", std::nullopt, -1, 100, std::nullopt};
  const std::string text = text_of(route);
  EXPECT_EQ(one(text, "penstock_slot_retained_wal_bytes"), R"({source="orders"} 100)");
  EXPECT_THAT(text, Not(HasSubstr("penstock_slot_safe")));
  EXPECT_THAT(text, Not(HasSubstr("heartbeat")));
}

TEST(MetricsText, ShowsAWordForASlotThatItDoesNotKnow) {
  NamedReport route = named("in", "wal");
  route.report.source.slot = {"tired", std::nullopt, -1, 0, std::nullopt};
  EXPECT_THAT(series(text_of(route), "penstock_slot_status"),
              testing::Contains(R"({source="orders",status="tired"} 1)"));
}

// A series that stands twice makes a scraper refuse the whole answer.
TEST(MetricsText, HasNoSeriesTwice) {
  NamedReport outbox = named("in", "outbox"), first = named("first", "store"), second = named("second", "store");
  const std::string text = text_of({outbox, first, second});
  std::set<std::string> seen;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
}

}  // namespace
}  // namespace penstock::api
