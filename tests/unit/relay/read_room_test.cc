#include "relay/read_room.h"

#include <gtest/gtest.h>

namespace penstock::relay {
namespace {

using connectors::ReadRoom;

TEST(ReadRoom, OffersTheWholeWindowWhenItIsEmpty) {
  const WindowLimits limits{5'000, 16 << 20};
  const auto room = room_to_read(DeliveryTracker(limits), limits);
  ASSERT_TRUE(room);
  EXPECT_EQ(room->events, 5'000U);
  EXPECT_EQ(room->window, ReadRoom::Window::kEmpty);
  EXPECT_LE(room->bytes + room->events * kReservedPerMessage, limits.bytes);
}

TEST(ReadRoom, AdmitsOneEventToAnEmptyWindowOfAnySize) {
  const WindowLimits limits{5'000, 100};
  const auto room = room_to_read(DeliveryTracker(limits), limits);
  ASSERT_TRUE(room);
  EXPECT_EQ(room->events, 1U);
}

TEST(ReadRoom, CountsWhatAMessageCostsBesideItsBytes) {
  const WindowLimits limits{5'000, 64 << 10};
  DeliveryTracker tracker(limits);
  tracker.expect(ReadMark{1}, 1'024);
  const auto room = room_to_read(tracker, limits);
  ASSERT_TRUE(room);
  EXPECT_EQ(room->window, ReadRoom::Window::kInUse);
  EXPECT_LE(room->bytes + room->events * kReservedPerMessage, tracker.free_bytes());
}

TEST(ReadRoom, IsNotWorthARoundTripInANearlyFullWindow) {
  const WindowLimits limits{1'000, 16 << 20};
  DeliveryTracker tracker(limits);
  for (std::uint64_t mark = 1; mark <= 950; ++mark) tracker.expect(ReadMark{mark}, 10);
  EXPECT_FALSE(room_to_read(tracker, limits));
}

TEST(ReadRoom, UsesEveryPlaceOfASmallWindow) {
  const WindowLimits limits{3, 1 << 20};
  DeliveryTracker tracker(limits);
  tracker.expect(ReadMark{1}, 10);
  tracker.expect(ReadMark{2}, 10);
  const auto room = room_to_read(tracker, limits);
  ASSERT_TRUE(room);
  EXPECT_EQ(room->events, 1U);
}

}  // namespace
}  // namespace penstock::relay
