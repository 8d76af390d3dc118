#include "connectors/outbox/poll_pace.h"

#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{1h};

TEST(PollPace, StaysShortForAWhileAfterRows) {
  PollPace pace(5ms, 250ms);
  pace.after_rows(kStart);
  for (auto later = 0ms; later < 500ms; later += 50ms) EXPECT_EQ(pace.after_nothing(kStart + later, 0ms), 5ms);
}

TEST(PollPace, GrowsToItsLongestWhenIdle) {
  PollPace pace(5ms, 250ms);
  pace.after_rows(kStart);
  EXPECT_EQ(pace.after_nothing(kStart + 1s, 0ms), 10ms);
  Duration last{};
  for (int i = 0; i < 10; ++i) last = pace.after_nothing(kStart + 1s, 0ms);
  EXPECT_EQ(last, 250ms);
}

TEST(PollPace, IsShortAfterASignOfRows) {
  PollPace pace(5ms, 60s);
  pace.hurry(kStart);
  EXPECT_EQ(pace.after_nothing(kStart + 100ms, 0ms), 5ms);
  EXPECT_EQ(pace.after_nothing(kStart + 1s, 0ms), 10ms);
}

TEST(PollPace, DoesNotTakeRowsThatHadNoRoomForIdleness) {
  PollPace pace(5ms, 60s);
  EXPECT_EQ(pace.after_nothing_taken(0ms), 250ms);
  EXPECT_EQ(pace.after_nothing_taken(1s), 3s);
  pace.after_rows(kStart);
  EXPECT_EQ(pace.after_nothing_taken(0ms), 5ms);
}

TEST(PollPace, StartsIdle) {
  PollPace pace(5ms, 250ms);
  EXPECT_EQ(pace.after_nothing(kStart, 0ms), 250ms);
}

TEST(PollPace, RestsLongerAfterAScanThatTookLong) {
  PollPace pace(5ms, 250ms);
  pace.after_rows(kStart);
  EXPECT_EQ(pace.after_nothing(kStart, 400ms), 1'200ms);
}

}  // namespace
}  // namespace penstock::outbox
