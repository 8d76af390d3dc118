#include "relay/delivery_tracker.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/invariant.h"
#include "tests/support/seeded_random.h"

namespace penstock::relay {
namespace {

DeliveryTracker tracker_of_five() { return DeliveryTracker({5, 1'000}); }

TEST(DeliveryTracker, HoldsCheckpointBehindOldestUnsettledEvent) {
  DeliveryTracker tracker = tracker_of_five();
  const Slot first = tracker.expect(ReadMark{1}, 10);
  const Slot second = tracker.expect(ReadMark{2}, 10);
  tracker.settle(second);
  EXPECT_EQ(tracker.settled(), ReadMark{0});
  tracker.settle(first);
  EXPECT_EQ(tracker.settled(), ReadMark{2});
}

TEST(DeliveryTracker, FreesTheWindowWhenStoredAndNotBefore) {
  DeliveryTracker tracker = tracker_of_five();
  tracker.settle(tracker.expect(ReadMark{1}, 300));
  EXPECT_EQ(tracker.free_events(), 4U);
  EXPECT_EQ(tracker.free_bytes(), 700U);
  EXPECT_EQ(tracker.storable_events(), 1U);
  tracker.store(ReadMark{1});
  EXPECT_EQ(tracker.free_events(), 5U);
  EXPECT_EQ(tracker.free_bytes(), 1'000U);
  EXPECT_EQ(tracker.storable_events(), 0U);
}

TEST(DeliveryTracker, CountsNothingForWhatPasses) {
  DeliveryTracker tracker = tracker_of_five();
  for (std::uint64_t mark = 1; mark <= 1'000; ++mark) tracker.pass(ReadMark{mark}, 0);
  EXPECT_EQ(tracker.settled(), ReadMark{1'000});
  EXPECT_EQ(tracker.window_events(), 0U);
  EXPECT_EQ(tracker.end().value - tracker.first().value, 1U) << "any number in a row is one record";
}

TEST(DeliveryTracker, PassedMarksWaitBehindAnUnsettledEvent) {
  DeliveryTracker tracker = tracker_of_five();
  const Slot first = tracker.expect(ReadMark{1}, 10);
  tracker.pass(ReadMark{2}, 0);
  tracker.pass(ReadMark{3}, 0);
  EXPECT_EQ(tracker.settled(), ReadMark{0});
  tracker.settle(first);
  EXPECT_EQ(tracker.settled(), ReadMark{3});
}

TEST(DeliveryTracker, RefusesAGapInTheMarks) {
  DeliveryTracker tracker = tracker_of_five();
  tracker.expect(ReadMark{1}, 10);
  EXPECT_THROW(tracker.expect(ReadMark{3}, 10), BrokenInvariant);
  EXPECT_THROW(tracker.pass(ReadMark{1}, 0), BrokenInvariant);
}

TEST(DeliveryTracker, CountsTheBytesOfWhatPassedUntilItIsStored) {
  DeliveryTracker tracker({10, 1'000});
  const Slot slot = tracker.expect(ReadMark{1}, 100);
  tracker.pass(ReadMark{2}, 300);
  tracker.pass(ReadMark{3}, 400);
  EXPECT_EQ(tracker.passed_bytes(), 700U);
  EXPECT_EQ(tracker.window_bytes(), 100U);
  tracker.settle(slot);
  tracker.store(ReadMark{2});
  EXPECT_EQ(tracker.passed_bytes(), 700U) << "one record, which is let go as a whole";
  tracker.store(ReadMark{3});
  EXPECT_EQ(tracker.passed_bytes(), 0U);
}

TEST(DeliveryTracker, RefusesToSettleTwice) {
  DeliveryTracker tracker = tracker_of_five();
  const Slot slot = tracker.expect(ReadMark{1}, 10);
  tracker.settle(slot);
  EXPECT_THROW(tracker.settle(slot), BrokenInvariant);
}

TEST(DeliveryTracker, RefusesToStoreWhatIsNotSettled) {
  DeliveryTracker tracker = tracker_of_five();
  tracker.expect(ReadMark{1}, 10);
  EXPECT_THROW(tracker.store(ReadMark{1}), BrokenInvariant);
}

TEST(DeliveryTracker, KeepsAddressesWhileOthersComeAndGo) {
  DeliveryTracker tracker({10'000, 1 << 30});
  tracker.settle(tracker.expect(ReadMark{1}, 1));
  const Slot kept = tracker.expect(ReadMark{2}, 1);
  const Delivery* address = &tracker.at(kept);
  for (std::uint64_t mark = 3; mark < 5'000; ++mark) tracker.settle(tracker.expect(ReadMark{mark}, 1));
  tracker.store(ReadMark{1});
  EXPECT_EQ(&tracker.at(kept), address);
}

TEST(DeliveryTracker, StartsMarksAnewAfterClearButNeverSlots) {
  DeliveryTracker tracker = tracker_of_five();
  const Slot before = tracker.expect(ReadMark{1}, 10);
  tracker.clear();
  EXPECT_EQ(tracker.window_events(), 0U);
  EXPECT_FALSE(tracker.holds(before));
  EXPECT_GT(tracker.expect(ReadMark{1}, 10), before);
}

TEST(DeliveryTracker, ForgetsAFailureWhenItsDeliveryIsSettled) {
  DeliveryTracker tracker = tracker_of_five();
  const Slot slot = tracker.expect(ReadMark{1}, 10);
  tracker.mark_failed(slot);
  tracker.mark_failed(slot);
  EXPECT_EQ(tracker.failing(), 1U);
  tracker.settle(slot);
  EXPECT_EQ(tracker.failing(), 0U);
}

// Against a model that is too simple to be wrong: a set of settled marks.
void compare_with_model(std::uint64_t seed) {
  tests::SeededRandom random(seed);
  DeliveryTracker tracker({1'000, 1 << 20});
  std::map<std::uint64_t, Slot> unsettled;
  std::map<std::uint64_t, std::size_t> window;  // bytes by mark, of what counts and is not stored
  std::set<std::uint64_t> settled;
  std::uint64_t last = 0, prefix = 0, stored = 0;
  for (int step = 0; step < 400; ++step) {
    switch (random.below(5)) {
      case 0: {
        const std::size_t bytes = random.below(100);
        unsettled.emplace(last + 1, tracker.expect(ReadMark{last + 1}, bytes));
        window.emplace(++last, bytes);
        break;
      }
      case 1:
        tracker.pass(ReadMark{++last}, 0);
        settled.insert(last);
        break;
      case 2:
      case 3:
        if (!unsettled.empty()) {
          const auto chosen = std::next(unsettled.begin(), static_cast<std::ptrdiff_t>(random.below(unsettled.size())));
          tracker.settle(chosen->second);
          settled.insert(chosen->first);
          unsettled.erase(chosen);
        }
        break;
      case 4:
        if (prefix > stored) {
          stored += 1 + random.below(prefix - stored);
          tracker.store(ReadMark{stored});
          window.erase(window.begin(), window.upper_bound(stored));
        }
        break;
    }
    while (settled.contains(prefix + 1)) ++prefix;
    std::size_t bytes = 0;
    for (const auto& [mark, size] : window) bytes += size;
    ASSERT_EQ(tracker.settled().value, prefix) << "seed " << seed;
    ASSERT_EQ(tracker.window_events(), window.size()) << "seed " << seed;
    ASSERT_EQ(tracker.window_bytes(), bytes) << "seed " << seed;
    ASSERT_EQ(tracker.oldest_unsettled() == tracker.end(), unsettled.empty()) << "seed " << seed;
  }
}

TEST(DeliveryTracker, AgreesWithItsModelUnderAnyHistory) {
  const std::uint64_t first = tests::seed_of_this_run();
  for (std::uint64_t seed = first; seed < first + 200; ++seed) compare_with_model(seed);
}

}  // namespace
}  // namespace penstock::relay
