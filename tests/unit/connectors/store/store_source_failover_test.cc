// What a source out of the store does about a failover.
#include <gtest/gtest.h>

#include "tests/unit/connectors/store/store_source_fixture.h"

namespace penstock::connectors {
namespace {

TEST_F(StoreSourceTest, RecordsWhatAFailoverLostAndStopsUntilItIsAcknowledged) {
  append("aaaaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  ASSERT_EQ(read(*all).size(), 5u);
  ASSERT_TRUE(all->settle(ReadMark{2}));
  database_->lose_events_beyond(Position{3});
  append("aa");  // positions 4 and 5 anew
  database_->raise_incarnation();

  EXPECT_EQ(open(*all).error().code().name, codes::kRelayLostTail.name);
  const auto gaps = store_.gaps().list(0, 10);
  ASSERT_TRUE(gaps);
  ASSERT_EQ(gaps->size(), 1u);
  EXPECT_EQ((*gaps)[0].route, "r");
  EXPECT_EQ((*gaps)[0].from, Position{4});
  EXPECT_EQ((*gaps)[0].to, Position{5});
  EXPECT_EQ((*gaps)[0].events, (std::vector<EventId>{id_of(4), id_of(5)}));
  EXPECT_EQ(open(*source()).error().code().name, codes::kRelayLostTail.name);  // a restart changes nothing

  ASSERT_TRUE(store_.gaps().acknowledge((*gaps)[0].number, "operator"));
  ASSERT_TRUE(open(*all));
  const auto items = read(*all);
  ASSERT_EQ(items.size(), 3u);  // from the checkpoint on, none of the new ones is passed
  EXPECT_EQ(items[1].event->id, id_of(6));
  EXPECT_EQ(store_.gaps().list(0, 10)->size(), 1u);
}

TEST_F(StoreSourceTest, GoesOnOverALostTailWhereItMay) {
  append("aaaa");
  auto all = source({.on_lost_tail = OnLostTail::kContinue});
  ASSERT_TRUE(open(*all));
  ASSERT_EQ(read(*all).size(), 4u);
  database_->lose_events_beyond(Position{1});
  ASSERT_TRUE(open(*all));
  EXPECT_EQ(store_.gaps().list(0, 10)->at(0).events.size(), 3u);
  EXPECT_EQ(read(*all).size(), 1u);
}

TEST_F(StoreSourceTest, FindsNoGapAfterAFailoverThatLostNothing) {
  append("aaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  ASSERT_EQ(read(*all).size(), 3u);
  database_->raise_incarnation();
  append("a");
  const auto refused = all->read(kRoom, Deadline::in(std::chrono::seconds(0)), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().name, codes::kRelayLogChanged.name);
  ASSERT_TRUE(open(*all));
  EXPECT_TRUE(store_.gaps().list(0, 10)->empty());
  EXPECT_EQ(read(*all).size(), 4u);
}

TEST_F(StoreSourceTest, WarnsOnceOfWhatARestartLeftUnknown) {
  append("aaa");
  auto before = source();
  ASSERT_TRUE(open(*before));
  read(*before);
  ASSERT_TRUE(before->settle(ReadMark{2}));
  before->close();
  database_->raise_incarnation();
  auto all = source();
  ASSERT_TRUE(open(*all));
  ASSERT_TRUE(open(*all));
  EXPECT_EQ(words_.count(LogLevel::kWarn), 1u);
  EXPECT_EQ(words_.lines().front().code, codes::kRelayLogChanged.name);
  read(*all);
  ASSERT_TRUE(all->settle(ReadMark{1}));
  ASSERT_TRUE(open(*source()));
  EXPECT_EQ(words_.count(LogLevel::kWarn), 1u) << "the checkpoint is of this store by now";
}

TEST_F(StoreSourceTest, WarnsOfNothingThatItHasSentItself) {
  append("aaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  read(*all);
  ASSERT_TRUE(all->settle(ReadMark{2}));
  database_->raise_incarnation();
  ASSERT_TRUE(open(*all));
  EXPECT_EQ(words_.count(LogLevel::kWarn), 0u);
}

TEST_F(StoreSourceTest, WarnsWhereAnotherInstanceDroveTheRouteInBetween) {
  append("aaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  read(*all);
  ASSERT_TRUE(all->settle(ReadMark{2}));
  for (const char* owner : {"other", "me"}) {
    ASSERT_TRUE(store_.leases().release(*lease_));
    lease_ = store_.leases().take("route/r", owner).value();
  }
  database_->raise_incarnation();
  ASSERT_TRUE(open(*all));
  EXPECT_EQ(words_.count(LogLevel::kWarn), 1u);
}

TEST_F(StoreSourceTest, SettlesNothingWhereAnotherEventTookThePosition) {
  append("aaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  ASSERT_EQ(read(*all).size(), 3u);
  database_->lose_events_beyond(Position{1});
  append("aa");
  EXPECT_FALSE(all->settle(ReadMark{3}));
  EXPECT_EQ(checkpoint(), 0);
}

TEST_F(StoreSourceTest, OpensAgainWhereAnotherEventTookThePositionInAFailover) {
  append("aaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  ASSERT_EQ(read(*all).size(), 3u);
  database_->lose_events_beyond(Position{1});
  database_->raise_incarnation();
  const Status settled = all->settle(ReadMark{3});
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().code().name, codes::kRelayLogChanged.name);
}

// What the filter dropped has no id to be compared with, and another event may stand there by now.
TEST_F(StoreSourceTest, SettlesNothingThatItsFilterDroppedBeforeAFailover) {
  append("ab");
  auto only_a = source({.filter = {.categories = {"a"}}});
  ASSERT_TRUE(open(*only_a));
  ASSERT_EQ(read(*only_a).size(), 2u);
  database_->lose_events_beyond(Position{1});
  append("a");
  database_->raise_incarnation();
  const Status settled = only_a->settle(ReadMark{2});
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().code().name, codes::kRelayLogChanged.name);
  EXPECT_EQ(checkpoint(), 0);
  ASSERT_TRUE(open(*only_a));
  EXPECT_EQ(read(*only_a).back().event->id, id_of(3));
}

}  // namespace
}  // namespace penstock::connectors
