#include "relay/settle_cadence.h"

#include <gtest/gtest.h>

namespace penstock::relay {
namespace {

using namespace std::chrono_literals;
using Hurry = SettleCadence::Hurry;

class SettleCadenceTest : public testing::Test {
 protected:
  void deliver(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) tracker_.settle(tracker_.expect(ReadMark{++mark_}, 1));
  }
  bool due(Hurry hurry = Hurry::kNone) { return cadence_.due(tracker_, hurry, now_); }

  DeliveryTracker tracker_{{1'000, 1'000'000}};
  SettleCadence cadence_{1'000};
  SteadyTime now_ = SteadyTime() + 1h;
  std::uint64_t mark_ = 0;
};

TEST_F(SettleCadenceTest, IsNeverDueWithNothingToSay) { EXPECT_FALSE(due(Hurry::kWanted)); }

TEST_F(SettleCadenceTest, WaitsForManyEvents) {
  deliver(249);
  EXPECT_FALSE(due());
  deliver(1);
  EXPECT_TRUE(due());
}

TEST_F(SettleCadenceTest, WaitsFiftyMillisecondsAtMost) {
  deliver(1);
  EXPECT_FALSE(due());
  EXPECT_EQ(cadence_.next_due(), now_ + 50ms);
  now_ += 50ms;
  EXPECT_TRUE(due());
}

TEST_F(SettleCadenceTest, DoesNotWaitWhenItIsWanted) {
  deliver(1);
  EXPECT_TRUE(due(Hurry::kWanted));
}

TEST_F(SettleCadenceTest, SettlesEachEventOfAWindowOfOne) {
  SettleCadence of_one(1);
  deliver(1);
  EXPECT_TRUE(of_one.due(tracker_, Hurry::kNone, now_));
}

}  // namespace
}  // namespace penstock::relay
