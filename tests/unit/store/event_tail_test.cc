#include "store/event_tail.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"
#include "tests/unit/store/lettered_ids.h"

namespace penstock::store {
namespace {

class EventTailTest : public ::testing::Test {
 protected:
  // The log holds these events, position 1 first.
  Result<std::optional<GapRecord>> compare_with(std::string_view letters) {
    asked_ = 0;
    return tail_.record_lost(
        "r",
        [&](Position at) -> Result<std::optional<EventId>> {
          ++asked_;
          if (at.value > static_cast<std::int64_t>(letters.size())) return std::nullopt;
          return id_of(letters[static_cast<std::size_t>(at.value) - 1]);
        },
        store_.gaps());
  }
  void add(std::string_view letters, std::int64_t from = 1) {
    for (const char letter : letters) tail_.add(Position{from++}, id_of(letter));
  }
  std::size_t records() { return store_.gaps().list(0, 10)->size(); }

  tests::ManualClock clock_;
  tests::MemoryStore store_{std::make_shared<tests::MemoryDatabase>(clock_)};
  EventTail tail_;
  int asked_ = 0;
};

TEST_F(EventTailTest, AsksOnceWhereEverythingStands) {
  add("abcdefgh");
  EXPECT_EQ(compare_with("abcdefgh")->has_value(), false);
  EXPECT_EQ(asked_, 1);
}

TEST_F(EventTailTest, AsksNothingWhereNothingWasHandedOut) {
  EXPECT_EQ(compare_with("")->has_value(), false);
  EXPECT_EQ(asked_, 0);
}

TEST_F(EventTailTest, RecordsWhatIsGoneAndForgetsIt) {
  add("abcdefgh");
  const auto gap = compare_with("abcde");
  ASSERT_TRUE(gap && *gap);
  EXPECT_EQ((*gap)->from, Position{6});
  EXPECT_EQ((*gap)->to, Position{8});
  EXPECT_EQ((*gap)->events, (std::vector{id_of('f'), id_of('g'), id_of('h')}));
  EXPECT_EQ(store_.gaps().find((*gap)->number)->value().route, "r");
  EXPECT_FALSE(compare_with("abcde")->has_value());
  EXPECT_EQ(records(), 1u);
}

TEST_F(EventTailTest, KnowsAnEventThatTookThePositionOfAnother) {
  add("abc");
  const auto gap = compare_with("axyz");
  ASSERT_TRUE(gap && *gap);
  EXPECT_EQ((*gap)->from, Position{2});
  add("xyz", 2);
  EXPECT_FALSE(compare_with("axyz")->has_value());
}

TEST_F(EventTailTest, KeepsWhatIsGoneUntilTheRecordIsDurable) {
  auto database = std::make_shared<tests::MemoryDatabase>(clock_);
  tests::MemoryStore away(database);
  add("ab");
  database->go_away();
  const auto id_at = [](Position) -> Result<std::optional<EventId>> { return std::nullopt; };
  EXPECT_FALSE(tail_.record_lost("r", id_at, away.gaps()));
  database->come_back();
  EXPECT_EQ(tail_.record_lost("r", id_at, away.gaps())->value().events.size(), 2u);
}

TEST_F(EventTailTest, TakesWhatIsToldLateAndWhatIsToldTwice) {
  add("a");
  add("cd", 3);
  add("bcd", 2);
  EXPECT_EQ(compare_with("")->value().events.size(), 4u);
}

TEST_F(EventTailTest, RemembersTheLastOnesOnly) {
  for (std::int64_t n = 1; n <= 20'010; ++n) tail_.add(Position{n}, id_of('a'));
  const auto gap = compare_with("");
  EXPECT_EQ((*gap)->from, Position{11});
  EXPECT_EQ((*gap)->to, Position{20'010});
}

}  // namespace
}  // namespace penstock::store
