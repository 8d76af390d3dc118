#include "cli/status_report.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"

namespace penstock::cli {
namespace {

std::string last_column(std::string details, std::string code = {},
                        store::RouteState::Reporting reporting = store::RouteState::Reporting::kNow) {
  RouteReport route{"orders-in", "orders", "store"};
  route.state.emplace();
  route.state->phase = "running";
  route.state->code = std::move(code);
  route.state->message = "why";
  route.state->details = std::move(details);
  route.state->reporting = reporting;
  std::ostringstream out;
  table_of_routes({route}).print(out, Palette());
  const std::string text = out.str();
  const std::string last_line = text.substr(text.find('\n') + 1);
  return last_line.substr(last_line.find_first_not_of(' ', last_line.find(" 0 ") + 2));
}

// The instance that is shown of two, the first of which reported so long before the second.
std::string shown_of(std::string first_phase, std::string second_phase, std::chrono::seconds between) {
  tests::ManualClock clock;
  tests::MemoryStore store{std::make_shared<tests::MemoryDatabase>(clock), tests::MemoryStore::Appending::kAtOnce};
  config::Settings settings;
  settings.routes.emplace_back().name = "orders-in";
  const auto report = [&](std::string instance, std::string phase) {
    store::RouteState state;
    state.route = "orders-in";
    state.instance = std::move(instance);
    state.phase = std::move(phase);
    ASSERT_TRUE(store.route_states().report({state}));
  };
  report("first", std::move(first_phase));
  clock.advance(between);
  report("second", std::move(second_phase));
  return make_status_report(settings, store).value().routes.at(0).state.value().instance;
}

TEST(StatusReport, ShowsTheInstanceThatDrivesBeforeAStandby) {
  EXPECT_EQ(shown_of("running", "standby", std::chrono::seconds(2)), "first");
  EXPECT_EQ(shown_of("standby", "running", std::chrono::seconds(2)), "second");
}

// A restart into standby: the row of the instance before must not stand for the route any more.
TEST(StatusReport, PassesOverAnInstanceThatHasEnded) {
  EXPECT_EQ(shown_of("running", "standby", std::chrono::seconds(5)), "second");
  EXPECT_EQ(shown_of("stopped", "standby", std::chrono::seconds(1)), "second");
}

constexpr const char* kHeldBack =
    R"({"reads":7,"held_back_by_pid":4711,"held_back_by_age_s":12,"held_back_by":"psql \u001b[31m"})";

TEST(StatusReport, NamesTheTransactionThatHoldsASourceBack) {
  EXPECT_EQ(last_column(kHeldBack), "held back by pid 4711 (psql \\x1b[31m), open for 12 s\n");
  EXPECT_EQ(last_column(R"({"held_back_by_pid":0,"held_back_by_age_s":3,"held_back_by":"prepared gid"})"),
            "held back by a prepared transaction (prepared gid), open for 3 s\n");
  EXPECT_EQ(
      last_column(R"({"held_back_by_pid":7,"held_back_by_age_s":3,"held_back_by_age_is":"at_least",)"
                  R"("held_back_by":""})"),
      "held back by pid 7, open for at least 3 s: GRANT pg_read_all_stats TO the source's role shows since when\n");
}

TEST(StatusReport, SaysNothingWhereNothingHoldsASourceBack) {
  EXPECT_EQ(last_column(R"({"reads":7})"), "-\n");
  EXPECT_EQ(last_column("no JSON"), "-\n");
  EXPECT_EQ(last_column(kHeldBack, {}, store::RouteState::Reporting::kStale), "-\n");
}

std::string slot_text(std::string details,
                      store::RouteState::Reporting reporting = store::RouteState::Reporting::kNow) {
  RouteReport route{"orders-in", "orders", "store"};
  route.state.emplace();
  route.state->details = std::move(details);
  route.state->reporting = reporting;
  return slot_cell(route).text;
}

Tint slot_tint(const std::string& share, const std::string& status = "extended") {
  RouteReport route{"orders-in", "orders", "store"};
  route.state.emplace();
  route.state->details = R"({"slot_status":")" + status + R"(","slot_safe_wal_share":)" + share + "}";
  return slot_cell(route).tint;
}

constexpr const char* kSlot =
    R"({"reads":7,"slot_status":"reserved","slot_retained_wal_bytes":2048,"slot_safe_wal_bytes":9877585920,)"
    R"("slot_safe_wal_share":0.919922,"heartbeat_round_trip_seconds":0.003512})";

TEST(StatusReport, SaysHowTheSlotOfASourceFares) {
  EXPECT_EQ(slot_text(kSlot), "reserved, 9420 MB (92 %) left, heartbeat 4 ms");
  EXPECT_EQ(slot_text(R"({"slot_status":"extended","slot_retained_wal_bytes":2048})"), "extended");
  EXPECT_EQ(slot_text(R"({"reads":7})"), "-");
  EXPECT_EQ(slot_text(kSlot, store::RouteState::Reporting::kStale), "-");
}

TEST(StatusReport, Fault17PaintsASlotThatTheServerIsAboutToGiveUp) {
  EXPECT_EQ(slot_tint("0.5"), Tint::kNone);
  EXPECT_EQ(slot_tint("0.499"), Tint::kWarning);
  EXPECT_EQ(slot_tint("0.249"), Tint::kBad);
  EXPECT_EQ(slot_tint("-0.1"), Tint::kBad);
  EXPECT_EQ(slot_tint("0.9", "lost"), Tint::kBad);
}

TEST(StatusReport, PrefersAnErrorToATransactionThatIsWaitedFor) {
  EXPECT_EQ(last_column(kHeldBack, "sink.away"), "sink.away: why\n");
}

}  // namespace
}  // namespace penstock::cli
