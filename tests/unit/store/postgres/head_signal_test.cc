#include "store/postgres/head_signal.h"

#include <gtest/gtest.h>

#include <new>

namespace penstock::store::postgres {
namespace {

using namespace std::chrono_literals;

TEST(HeadSignal, IsPolledAgainAfterAPollThatThrew) {
  int polls = 0;
  HeadSignal signal([&]() -> Result<Position> {
    if (++polls == 1) throw std::bad_alloc();
    return Position{7};
  });
  EXPECT_THROW((void)signal.wait_beyond(Position{0}, Deadline::in(10s), {}), std::bad_alloc);
  const auto head = signal.wait_beyond(Position{0}, Deadline::in(2s), {});
  ASSERT_TRUE(head);
  EXPECT_EQ(*head, Position{7});
}

}  // namespace
}  // namespace penstock::store::postgres
