#include "relay/route_report.h"

#include <gtest/gtest.h>

namespace penstock::relay {
namespace {

std::string details_of(const RouteReport& report) { return state_of(report, "orders-in", "here", Timestamp{}).details; }

// What of the details names the slot, to the end.
std::string slot_part_of(const connectors::SlotFigures& slot) {
  RouteReport report;
  report.source.slot = slot;
  const std::string details = details_of(report);
  const auto begin = details.find(R"("slot_status")");
  return begin == std::string::npos ? "" : details.substr(begin);
}

TEST(RouteReport, SaysHowTheSlotOfItsSourceFares) {
  EXPECT_EQ(slot_part_of({"extended", 30 << 20, 64 << 20, 34 << 20, std::chrono::microseconds(3'512)}),
            R"("slot_status":"extended","slot_retained_wal_bytes":35651584,"slot_safe_wal_bytes":31457280,)"
            R"("slot_safe_wal_share":0.468750,"heartbeat_round_trip_seconds":0.003512})");
}

TEST(RouteReport, GivesASlotNoShareWhereTheServerSetsNoLimit) {
  EXPECT_EQ(slot_part_of({"reserved", std::nullopt, -1, 100, std::nullopt}),
            R"("slot_status":"reserved","slot_retained_wal_bytes":100})");
}

TEST(RouteReport, GivesAFreshSlotNoMoreThanAllOfIt) {
  EXPECT_EQ(slot_part_of({"reserved", 74 << 20, 64 << 20, 0, std::nullopt}),
            R"("slot_status":"reserved","slot_retained_wal_bytes":0,"slot_safe_wal_bytes":77594624,)"
            R"("slot_safe_wal_share":1.000000})");
}

TEST(RouteReport, HoldsHowAnAgeIsKnown) {
  RouteReport report;
  report.source.held_back_by = connectors::Blocker{7, "psql", std::chrono::seconds(3)};
  EXPECT_EQ(details_of(report).find("held_back_by_age_is"), std::string::npos);
  report.source.held_back_by->age_is = connectors::Blocker::Age::kAtLeast;
  EXPECT_NE(details_of(report).find(R"("held_back_by_age_s":3,"held_back_by_age_is":"at_least")"), std::string::npos);
}

TEST(RouteReport, SaysNothingOfASlotWhereThereIsNone) {
  EXPECT_EQ(details_of(RouteReport()).find("slot"), std::string::npos);
}

}  // namespace
}  // namespace penstock::relay
