// The judge itself, with planted faults.
#include "tests/support/history_checker.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace penstock::tests {
namespace {

// 30 events of 3 keys, delivered in the order of their commits, positions 1 to 30.
History flawless() {
  History history;
  for (int i = 1; i <= 30; ++i) {
    const std::string id = "id-" + std::to_string(i), key = "key-" + std::to_string(i % 3);
    history.committed.push_back({id, key, "payload " + std::to_string(i)});
    history.arrived.push_back({id, key, "payload " + std::to_string(i), i, static_cast<std::size_t>(i > 15)});
  }
  return history;
}

TEST(History, HoldsWhenAllArriveInOrder) {
  const Judgement judgement = judge(flawless());
  EXPECT_TRUE(judgement.promise_held()) << judgement.describe();
  EXPECT_EQ(judgement.delivered, 30U);
  EXPECT_EQ(judgement.all_duplicates(), 0U);
}

TEST(History, SeesAPlantedLoss) {
  History history = flawless();
  history.arrived.erase(history.arrived.begin() + 29);  // the last of its key: no jump gives it away
  const Judgement judgement = judge(history);
  EXPECT_EQ(judgement.lost.size(), 1U);
  EXPECT_TRUE(judgement.jumped.empty());
  EXPECT_FALSE(judgement.promise_held());
}

TEST(History, SeesAPlantedReorder) {
  History history = flawless();
  std::swap(history.arrived[3], history.arrived[6]);  // two events of one key
  const Judgement judgement = judge(history);
  EXPECT_FALSE(judgement.jumped.empty());
  EXPECT_TRUE(judgement.lost.empty());
  EXPECT_FALSE(judgement.promise_held());
}

TEST(History, AllowsOtherOrderBetweenKeys) {
  History history = flawless();
  std::swap(history.arrived[3], history.arrived[4]);
  EXPECT_TRUE(judge(history).promise_held());
}

TEST(History, CountsPlantedDuplicatesByEpoch) {
  History history = flawless();
  for (std::size_t i = 12; i < 15; ++i) {  // a replay of three, at the start of the second epoch
    ArrivedEvent again = history.arrived[i];
    again.epoch = 1;
    history.arrived.insert(history.arrived.begin() + 15 + static_cast<std::ptrdiff_t>(i - 12), again);
  }
  const Judgement judgement = judge(history);
  EXPECT_TRUE(judgement.promise_held()) << judgement.describe();
  EXPECT_EQ(judgement.duplicates, (std::map<std::size_t, std::size_t>{{1, 3}}));
}

TEST(History, SeesAReplayThatSkips) {
  History history = flawless();
  history.arrived.erase(history.arrived.begin() + 3);  // skipped at first …
  ArrivedEvent late{"id-4", "key-1", "payload 4", 4, 1};
  history.arrived.push_back(late);  // … and delivered by a later replay
  EXPECT_FALSE(judge(history).jumped.empty());
}

TEST(History, SeesAGhost) {
  History history = flawless();
  history.arrived.push_back({"id-31", "key-1", "payload 31", 31, 1});
  EXPECT_EQ(judge(history).ghosts.size(), 1U);
  EXPECT_FALSE(judge(history).promise_held());
}

TEST(History, SeesOtherBytesAndOtherKeys) {
  History history = flawless();
  history.arrived[4].payload = "payload 5.0";
  history.arrived[7].key = "key-0";
  EXPECT_EQ(judge(history).altered.size(), 2U);
}

TEST(History, CountsParkedEventsAsNeitherLostNorInTheWay) {
  History history = flawless();
  history.arrived.erase(history.arrived.begin() + 3);
  history.parked.insert("id-4");
  EXPECT_TRUE(judge(history).promise_held()) << judge(history).describe();
}

TEST(History, SeesACheckpointAheadOfDelivery) {
  History history = flawless();
  history.checkpoints = {{0, 16}};  // epoch 0 delivered up to 15
  EXPECT_EQ(judge(history).checkpoint_faults.size(), 1U);
  history.checkpoints = {{0, 15}, {1, 30}};
  EXPECT_TRUE(judge(history).promise_held()) << judge(history).describe();
}

TEST(History, SeesACheckpointBehindAHole) {
  History history = flawless();
  std::rotate(history.arrived.begin() + 3, history.arrived.begin() + 4, history.arrived.begin() + 30);
  history.arrived.back().epoch = 1;  // position 4 came last of all
  history.checkpoints = {{0, 4}};
  EXPECT_EQ(judge(history).checkpoint_faults.size(), 1U);
}

TEST(History, SeesACheckpointThatWentBack) {
  History history = flawless();
  history.checkpoints = {{0, 12}, {1, 11}};
  EXPECT_EQ(judge(history).checkpoint_faults.size(), 1U);
}

}  // namespace
}  // namespace penstock::tests
