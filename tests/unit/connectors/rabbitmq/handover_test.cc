#include "connectors/rabbitmq/handover.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "tests/unit/connectors/rabbitmq/message_for_tests.h"

namespace penstock::rabbitmq {
namespace {

using connectors::SinkState;
using connectors::Submitted;
using connectors::Ticket;

class HandoverTest : public ::testing::Test {
 protected:
  HandoverTest() { handover_.enter({.phase = SinkState::Phase::kReady, .why = nullptr}); }
  Submitted submit() { return handover_.submit(Ticket{1}, message_); }
  bool woken() const {
    pollfd polled{handover_.wake_descriptor(), POLLIN, 0};
    return ::poll(&polled, 1, 0) == 1;
  }
  std::deque<Accepted> taken() {
    std::deque<Accepted> out;
    handover_.take(out);
    return out;
  }

  const connectors::Message message_ = message_of(stored_event());
  Handover handover_{3 * message_.size_bytes()};
};

TEST_F(HandoverTest, IsFullBeyondItsWindow) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(submit(), Submitted::kAccepted);
  EXPECT_EQ(submit(), Submitted::kFull);
}

TEST_F(HandoverTest, CountsWhatWasTakenUntilItIsAnswered) {
  for (int i = 0; i < 3; ++i) submit();
  EXPECT_EQ(taken().size(), 3U);
  EXPECT_EQ(submit(), Submitted::kFull);
  handover_.answered(1, message_.size_bytes());
  EXPECT_EQ(submit(), Submitted::kAccepted);
}

TEST_F(HandoverTest, TakesOneMessageHoweverLarge) {
  Handover small(1);
  small.enter({.phase = SinkState::Phase::kReady, .why = nullptr});
  EXPECT_EQ(small.submit(Ticket{1}, message_), Submitted::kAccepted);
  EXPECT_EQ(small.submit(Ticket{2}, message_), Submitted::kFull);
}

TEST_F(HandoverTest, TakesNothingWhileItsSinkIsNotOpen) {
  handover_.enter({.phase = SinkState::Phase::kBroken, .why = nullptr});
  EXPECT_EQ(submit(), Submitted::kFull);
}

TEST_F(HandoverTest, GoesOnTakingWhileTheBrokerBlocks) {
  handover_.enter({.phase = SinkState::Phase::kBlocked, .why = nullptr});
  EXPECT_EQ(submit(), Submitted::kAccepted);
}

TEST_F(HandoverTest, WakesTheOtherSideForAFlush) {
  submit();
  EXPECT_FALSE(woken());
  handover_.flush();
  EXPECT_TRUE(woken());
  handover_.clear_wake();
  EXPECT_FALSE(woken());
}

TEST_F(HandoverTest, WakesNobodyForAnEmptyFlush) {
  handover_.flush();
  EXPECT_FALSE(woken());
}

TEST_F(HandoverTest, WakesAgainAfterAWakeWasCleared) {
  submit();
  handover_.flush();
  handover_.clear_wake();
  handover_.flush();
  EXPECT_TRUE(woken());
}

TEST_F(HandoverTest, StaysClosedOnceTheRightIsLost) {
  handover_.lose_right(std::make_shared<const Error>(codes::kStoreFenced, "lost"));
  EXPECT_FALSE(handover_.enter({.phase = SinkState::Phase::kBroken, .why = nullptr}));
  EXPECT_EQ(handover_.state().phase, SinkState::Phase::kClosed);
  EXPECT_EQ(submit(), Submitted::kFull);
  EXPECT_TRUE(woken());
}

TEST_F(HandoverTest, WaitsUntilEverythingIsAnswered) {
  submit();
  EXPECT_FALSE(handover_.wait_until_answered(Deadline::in(std::chrono::milliseconds(1))));
  handover_.answered(1, message_.size_bytes());
  EXPECT_TRUE(handover_.wait_until_answered(Deadline::in(std::chrono::milliseconds(1))));
}

}  // namespace
}  // namespace penstock::rabbitmq
