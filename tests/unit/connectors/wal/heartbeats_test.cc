#include "connectors/wal/heartbeats.h"

#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{1'000s};
constexpr Timestamp kWall{5s};

TEST(Heartbeats, MeasuresTheWayOfOne) {
  Heartbeats heartbeats("penstock_orders");
  EXPECT_FALSE(heartbeats.took(kStart));
  const std::string content = heartbeats.next(kStart, kWall);
  EXPECT_EQ(heartbeats.took(kStart + 2s), 2s);
  heartbeats.came(content, kStart + 3s);
  EXPECT_FALSE(heartbeats.is_under_way());
  EXPECT_EQ(heartbeats.took(kStart + 9s), 3s);
}

TEST(Heartbeats, GrowsOnlyBeyondWhatTheLastOneTook) {
  Heartbeats heartbeats("penstock_orders");
  heartbeats.came(std::string(heartbeats.next(kStart, kWall)), kStart + 3s);
  heartbeats.next(kStart + 10s, kWall + 10s);
  EXPECT_EQ(heartbeats.took(kStart + 11s), 3s);
  EXPECT_EQ(heartbeats.took(kStart + 15s), 5s);
}

// Of an earlier opening, of a source with another slot, or of somebody who only knows the slot's name.
TEST(Heartbeats, AreNotThoseOfOthers) {
  Heartbeats earlier("penstock_orders"), heartbeats("penstock_orders"), other("penstock_others");
  const std::string old = earlier.next(kStart, kWall - 10s);
  heartbeats.next(kStart, kWall);
  for (const std::string& content : {old, other.next(kStart, kWall), std::string("penstock_orders"), std::string()})
    heartbeats.came(content, kStart + 1s);
  EXPECT_TRUE(heartbeats.is_under_way());
}

}  // namespace
}  // namespace penstock::wal
