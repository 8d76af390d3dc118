#include "store/load_rules.h"

#include <gtest/gtest.h>

namespace penstock::store {
namespace {

Timestamp at_second(int second) { return Timestamp(std::chrono::seconds(second)); }

LogRow row(std::int64_t position, std::string_view stream, std::int64_t version, int second = 100) {
  LogRow made;
  made.event.position = Position{position};
  made.event.stream = stream;
  made.event.category = "order";
  made.event.version = Version{version};
  made.event.recorded_at = at_second(second);
  return made;
}

LogRow stub(std::int64_t position, std::string_view stream, std::int64_t version) {
  LogRow made = row(position, stream, version);
  made.event.recorded_at.reset();
  made.removed_at = at_second(200);
  return made;
}

LoadFacts facts() {
  LoadFacts known{Position{10}, Position{0}, at_second(100), {}};
  known.streams["order-1"] = {"order", Version{4}, Version{0}};
  return known;
}

std::string refusal(std::vector<LogRow> rows) {
  const auto plan = plan_load(rows, facts());
  return plan ? "taken" : plan.error().message();
}

TEST(LoadRules, NumberStreamsOnFromWhatIsStored) {
  const std::vector<LogRow> rows = {row(11, "order-1", 5), row(12, "order-2", 0), row(13, "order-1", 6, 101)};
  const auto plan = plan_load(rows, facts());
  ASSERT_TRUE(plan) << plan.error().describe();
  EXPECT_EQ(plan->head, Position{13});
  EXPECT_EQ(plan->recorded_at, at_second(101));
  ASSERT_EQ(plan->streams.size(), 2U);
  EXPECT_EQ(plan->streams[0].last_version, Version{6});
  EXPECT_EQ(plan->streams[0].was, StreamAfterLoad::Was::kKnown);
  EXPECT_EQ(plan->streams[1].last_version, Version{0});
  EXPECT_EQ(plan->streams[1].was, StreamAfterLoad::Was::kNew);
}

TEST(LoadRules, CountStubsAndHowFarTheyBeginAStream) {
  const std::vector<LogRow> rows = {stub(11, "order-2", 0), stub(12, "order-2", 1), row(13, "order-2", 2)};
  const auto plan = plan_load(rows, facts());
  ASSERT_TRUE(plan) << plan.error().describe();
  EXPECT_EQ(plan->stubs, 2);
  EXPECT_EQ(plan->streams[0].scavenged_before, Version{2});
}

TEST(LoadRules, RefuseWhatDoesNotFitTheLog) {
  EXPECT_EQ(refusal({row(12, "order-2", 0)}), "position 12: the head is 10, the next position is missing");
  EXPECT_EQ(refusal({row(11, "order-1", 6)}), "position 11: stream \"order-1\" goes on with version 5, not 6");
  EXPECT_EQ(refusal({row(11, "order-2", 1)}), "position 11: stream \"order-2\" goes on with version 0, not 1");
  LogRow other = row(11, "order-1", 5);
  other.event.category = "invoice";
  EXPECT_EQ(refusal({other}), "position 11: stream \"order-1\" has category \"order\"");
  EXPECT_EQ(refusal({row(11, "order-1", 5, 99)}),
            "position 11: it was recorded before the event that stands before it");
}

}  // namespace
}  // namespace penstock::store
