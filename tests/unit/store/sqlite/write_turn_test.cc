#include "store/sqlite/write_turn.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace penstock::store::sqlite {
namespace {

Deadline far_away() { return Deadline::in(std::chrono::seconds(30)); }

TEST(WriteTurn, IsGivenToOneAtATime) {
  WriteTurn turn;
  int inside = 0, entered = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 200; ++n) {
          ASSERT_TRUE(turn.enter(far_away()));
          EXPECT_EQ(++inside, 1);
          ++entered;
          --inside;
          turn.leave();
        }
      });
  }
  EXPECT_EQ(entered, 800);
}

TEST(WriteTurn, IsRefusedWhenTheDeadlinePasses) {
  WriteTurn turn;
  ASSERT_TRUE(turn.enter(far_away()));
  EXPECT_FALSE(turn.enter(Deadline::in(std::chrono::milliseconds(5))));
  turn.leave();
  EXPECT_TRUE(turn.enter(far_away()));
}

TEST(WriteTurn, GoesPastOneThatGaveUp) {
  WriteTurn turn;
  ASSERT_TRUE(turn.enter(far_away()));
  std::jthread impatient([&] { EXPECT_FALSE(turn.enter(Deadline::in(std::chrono::milliseconds(20)))); });
  std::jthread patient([&] {
    EXPECT_TRUE(turn.enter(far_away()));
    turn.leave();
  });
  impatient.join();
  turn.leave();
}

TEST(WriteTurn, IsNotTakenAgainBeforeThoseWhoWait) {
  WriteTurn turn;
  ASSERT_TRUE(turn.enter(far_away()));
  bool other_had_it = false;
  std::jthread other([&] {
    ASSERT_TRUE(turn.enter(far_away()));
    other_had_it = true;
    turn.leave();
  });
  // Whichever of both asks first: once the other waits, this thread's next try comes after it.
  while (turn.waiting() == 0) std::this_thread::yield();
  turn.leave();
  ASSERT_TRUE(turn.enter(far_away()));
  EXPECT_TRUE(other_had_it);
  turn.leave();
}

}  // namespace
}  // namespace penstock::store::sqlite
