#include "connectors/outbox/low_mark.h"

#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

using Numbers = std::vector<std::int64_t>;

void scan(LowMark& low_mark, const Numbers& found, ScanEnd end = ScanEnd::kExhausted, Reach reach = Reach::kOpenRanges,
          std::optional<std::int64_t> drawn = std::nullopt) {
  low_mark.scanned(low_mark.plan(reach, {}, {}), found, end, drawn);
}

// A mark at 10 with nothing open below it.
LowMark marked_at_ten() {
  LowMark low_mark(MarkMoves::kBehindLockHolders);
  scan(low_mark, {10});
  low_mark.saw_holders({});
  scan(low_mark, {});
  return low_mark;
}

TEST(LowMark, LiesBelowEverythingAtFirst) {
  const LowMark low_mark(MarkMoves::kBehindLockHolders);
  EXPECT_FALSE(low_mark.mark());
  EXPECT_TRUE(low_mark.plan(Reach::kOpenRanges, {}, {}).starts_at_bottom());
}

TEST(LowMark, AsksForHolesAndForWhatLiesBeyondTheHighestNumber) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {11, 14});
  const std::vector<NumberRange> expected = {{12, 13}, {15, kHighestNumber}};
  EXPECT_EQ(low_mark.plan(Reach::kOpenRanges, {}, {}).ranges, expected);
}

TEST(LowMark, MovesAtOnceOverNumbersWithoutAHole) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {11, 12, 13});
  EXPECT_EQ(low_mark.mark(), 13);
  EXPECT_FALSE(low_mark.wants_holders());
}

TEST(LowMark, WaitsForEveryHolderThatALookShowed) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {13});
  low_mark.saw_holders({"3/1", "4/7"});
  low_mark.saw_holders({"4/7", "5/2"});
  scan(low_mark, {});
  EXPECT_EQ(low_mark.mark(), 10);
  low_mark.saw_holders({"5/2"});
  scan(low_mark, {});
  EXPECT_EQ(low_mark.mark(), 13);
}

TEST(LowMark, DoesNotMoveBeforeOneMoreScanHasRun) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {13});
  low_mark.saw_holders({});
  EXPECT_EQ(low_mark.mark(), 10);
}

TEST(LowMark, MovesAsFarAsAScanCameThatWasCutShortBelowItsGoal) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {15});
  low_mark.saw_holders({});
  scan(low_mark, {12}, ScanEnd::kCutShort);
  EXPECT_EQ(low_mark.mark(), 12);
  scan(low_mark, {});
  EXPECT_EQ(low_mark.mark(), 15);
}

// With more holes than it asks for, nothing beyond the highest number is looked at, whatever the sequence has given.
TEST(LowMark, DoesNotMoveOverWhatACrowdedScanHasNotLookedAt) {
  LowMark low_mark(MarkMoves::kBehindLockHolders, Crowded::kHoldBack, {{kLowestNumber, kHighestNumber}}, 2);
  scan(low_mark, {2, 4, 6}, ScanEnd::kCutShort);
  scan(low_mark, {}, ScanEnd::kExhausted, Reach::kOpenRanges, 100);
  low_mark.saw_holders({});
  scan(low_mark, {}, ScanEnd::kExhausted, Reach::kOpenRanges, 100);
  EXPECT_EQ(low_mark.mark(), 6);
  EXPECT_EQ(low_mark.plan(Reach::kOpenRanges, {}, {}).ranges.back().last, kHighestNumber);
}

TEST(LowMark, TakesAPreparedTransactionForOneThatSeemsToHaveEnded) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {13});
  low_mark.saw_holders({"3/1"});
  low_mark.saw_holders({"-1/900"});
  EXPECT_TRUE(low_mark.wants_holders());
  low_mark.saw_holders({"-1/901"});
  scan(low_mark, {});
  EXPECT_EQ(low_mark.mark(), 13);
}

// What is given away again below the last number has been looked for by nobody.
TEST(LowMark, LooksAnewWhereTheSequenceIsSetBackWhileItWaits) {
  LowMark low_mark(MarkMoves::kBehindLockHolders);
  scan(low_mark, {1, 2, 3}, ScanEnd::kExhausted, Reach::kOpenRanges, 15'000);
  low_mark.saw_holders({"5/1"});
  low_mark.saw_holders({});
  scan(low_mark, {}, ScanEnd::kExhausted, Reach::kOpenRanges, 3);
  EXPECT_FALSE(low_mark.mark());
  EXPECT_TRUE(low_mark.wants_holders());
  low_mark.saw_holders({"6/1"});
  scan(low_mark, {5}, ScanEnd::kExhausted, Reach::kOpenRanges, 5);
  EXPECT_FALSE(low_mark.mark()) << "4 may be in flight";
}

TEST(LowMark, LooksAnewWhereTheSequenceIsSetBackAndAScanIsCutShort) {
  LowMark low_mark(MarkMoves::kBehindLockHolders);
  scan(low_mark, {1, 2, 3}, ScanEnd::kExhausted, Reach::kOpenRanges, 15'000);
  low_mark.saw_holders({"5/1"});
  low_mark.saw_holders({});
  scan(low_mark, {5, 6}, ScanEnd::kCutShort, Reach::kOpenRanges, 7);
  EXPECT_FALSE(low_mark.mark()) << "4 may be in flight";
  EXPECT_TRUE(low_mark.wants_holders());
}

TEST(LowMark, MovesOverAnEmptyTableByTheSequence) {
  LowMark low_mark(MarkMoves::kBehindLockHolders);
  scan(low_mark, {}, ScanEnd::kExhausted, Reach::kWholeTable, 1'000);
  low_mark.saw_holders({});
  scan(low_mark, {}, ScanEnd::kExhausted, Reach::kOpenRanges, 1'000);
  EXPECT_EQ(low_mark.mark(), 1'000);
}

TEST(LowMark, LeavesOutWhatIsInFlightInsideMergedRanges) {
  LowMark low_mark(MarkMoves::kBehindLockHolders, 2);
  const Numbers found = {10, 20, 30};
  scan(low_mark, found);
  const ScanPlan plan = low_mark.plan(Reach::kOpenRanges, found, {});
  EXPECT_EQ(plan.ranges.size(), 2U);
  EXPECT_EQ(plan.in_flight.size(), 2U);
}

TEST(LowMark, LeavesOutEverythingInFlightWhenTheWholeTableIsScanned) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {11, 12});
  const Numbers in_flight = {10, 11, 12};
  EXPECT_EQ(low_mark.plan(Reach::kWholeTable, in_flight, {}).in_flight, in_flight);
}

TEST(LowMark, LeavesOutKeptRowsOnlyWhereItLooks) {
  LowMark low_mark = marked_at_ten();
  const Numbers kept = {4, 17};
  EXPECT_EQ(low_mark.plan(Reach::kOpenRanges, {}, kept).kept, Numbers{17});
  EXPECT_EQ(low_mark.plan(Reach::kWholeTable, {}, kept).kept, kept);
}

TEST(LowMark, FollowsNumbersThatStartAgainBelowIt) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {1, 2}, ScanEnd::kExhausted, Reach::kWholeTable);
  EXPECT_FALSE(low_mark.mark());
  low_mark.saw_holders({});
  scan(low_mark, {});
  EXPECT_EQ(low_mark.mark(), 2);
}

// A backlog of rows whose mark was taken away, a partition that was attached: one net after another would read it at
// the pace of nets.
TEST(LowMark, GoesDownToMoreRowsThanTheNetTook) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {11, 12});
  const Numbers in_flight = {11, 12};
  low_mark.scanned(low_mark.plan(Reach::kWholeTable, in_flight, {}), Numbers{1, 2}, ScanEnd::kCutShort, std::nullopt);
  const ScanPlan plan = low_mark.plan(Reach::kOpenRanges, in_flight, {});
  EXPECT_EQ(plan.ranges, (std::vector<NumberRange>{{kLowestNumber, 0}, {3, kHighestNumber}}));
  EXPECT_EQ(plan.in_flight, in_flight);
}

TEST(LowMark, LeavesOutWhatWasInFlightUntilItIsAboveThat) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {11, 12});
  const Numbers in_flight = {11, 12};
  low_mark.scanned(low_mark.plan(Reach::kWholeTable, in_flight, {}), Numbers{1, 2}, ScanEnd::kCutShort, std::nullopt);
  scan(low_mark, {3});
  low_mark.saw_holders({});
  scan(low_mark, {});
  EXPECT_EQ(low_mark.mark(), 3);
  EXPECT_TRUE(low_mark.needs_in_flight(Reach::kOpenRanges));
  scan(low_mark, {13});
  low_mark.saw_holders({});
  scan(low_mark, {});
  EXPECT_EQ(low_mark.mark(), 13);
  EXPECT_FALSE(low_mark.needs_in_flight(Reach::kOpenRanges));
}

TEST(LowMark, StaysWhenTheNetIsCutShortAboveIt) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {2, 11}, ScanEnd::kCutShort, Reach::kWholeTable);
  EXPECT_EQ(low_mark.mark(), 11);
}

TEST(LowMark, StaysWhenTheNetFindsARowBelowItAndOthersAbove) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {2, 11}, ScanEnd::kExhausted, Reach::kWholeTable);
  EXPECT_EQ(low_mark.mark(), 11);
}

TEST(LowMark, StaysBelowEverythingWhereItNeverMoves) {
  LowMark low_mark(MarkMoves::kNever);
  const Numbers in_flight = {1, 2};
  scan(low_mark, in_flight);
  EXPECT_FALSE(low_mark.wants_holders());
  const ScanPlan plan = low_mark.plan(Reach::kOpenRanges, in_flight, {});
  EXPECT_TRUE(plan.starts_at_bottom());
  EXPECT_EQ(plan.in_flight, in_flight);
}

// A checkpoint leaves holes open where rows were in flight, which a first scan of few rows doesn't reach.
TEST(LowMark, KeepsHolesOpenThatAScanDidNotReach) {
  const std::vector<NumberRange> open = {{5, 5}, {8, 8}, {20, kHighestNumber}};
  LowMark low_mark(MarkMoves::kWithReading, Crowded::kHoldBack, open);
  scan(low_mark, {}, ScanEnd::kCutShort);
  EXPECT_EQ(low_mark.open(), open);
  scan(low_mark, {5}, ScanEnd::kCutShort);
  EXPECT_EQ(low_mark.open(), (std::vector<NumberRange>{{8, 8}, {20, kHighestNumber}}));
  scan(low_mark, {8, 21});
  EXPECT_EQ(low_mark.open(), (std::vector<NumberRange>{{22, kHighestNumber}}));
}

TEST(LowMark, ReachesTheHighestNumberThereIs) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {kHighestNumber});
  low_mark.saw_holders({});
  scan(low_mark, {});
  EXPECT_EQ(low_mark.mark(), kHighestNumber - 1);
  EXPECT_EQ(low_mark.open_ranges(), 1U);
}

TEST(LowMark, LeavesTheHighestNumberOutWhileItIsInFlight) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {kHighestNumber});
  low_mark.saw_holders({});
  scan(low_mark, {});
  ASSERT_TRUE(low_mark.needs_in_flight(Reach::kOpenRanges));
  EXPECT_EQ(low_mark.plan(Reach::kOpenRanges, Numbers{kHighestNumber}, {}).in_flight, Numbers{kHighestNumber});
}

TEST(LowMark, TakesOneNumberTwiceInItsStride) {
  LowMark low_mark = marked_at_ten();
  scan(low_mark, {11, 11, 12, 14});
  EXPECT_EQ(low_mark.mark(), 12);
  EXPECT_EQ(low_mark.open_ranges(), 2U);
}

}  // namespace
}  // namespace penstock::outbox
