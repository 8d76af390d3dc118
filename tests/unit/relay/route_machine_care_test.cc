// The state machine of a route whose source may hold what ends the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/relay/route_machine_fixture.h"

namespace penstock::relay {
namespace {

using testing::IsEmpty;

TEST_F(RouteMachineTest, TriesOneEventAtATimeOnceTheProgramEndedTwice) {
  open_after_ends_ = 2;
  run();
  const auto first = next_command<ReadSource>();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->room.events, 1U);
  read_answer({"a"});
  EXPECT_THAT(sink_.submitted, IsEmpty()) << "its attempt is not written yet";
  ASSERT_TRUE(next_command<BeginAttempt>());
  EXPECT_FALSE(next_command<ReadSource>());
  answer(AttemptBegun{AttemptBook::Verdict::kTry});
  EXPECT_EQ(sink_.submitted.size(), 1U);
  EXPECT_FALSE(next_command<ReadSource>());
  report(0, Outcome::kDelivered);
  const auto settle = next_command<SettleSource>();
  ASSERT_TRUE(settle) << "nothing else can happen, so it is settled at once";
  answer(SourceSettled{settle->mark, Status()});
  EXPECT_TRUE(next_command<ReadSource>());
}

TEST_F(RouteMachineTest, SendsNothingUncountedToASinkThatTakesEventsInReadOrder) {
  open_after_ends_ = 2;
  sink_.promise = LaterMayPass::kNo;
  run();
  for (std::size_t sent = 0; sent < 3; ++sent) {
    read({"a"});
    ASSERT_TRUE(next_command<BeginAttempt>());
    EXPECT_EQ(sink_.submitted.size(), sent);
    answer(AttemptBegun{AttemptBook::Verdict::kTry});
    ASSERT_EQ(sink_.submitted.size(), sent + 1);
    report(sent, Outcome::kDelivered);
    const auto settle = next_command<SettleSource>();
    ASSERT_TRUE(settle);
    answer(SourceSettled{settle->mark, Status()});
  }
}

TEST_F(RouteMachineTest, ParksAnEventThatWasTriedTooOftenWithoutSendingIt) {
  open_after_ends_ = 5;
  run();
  read({"a"});
  ASSERT_TRUE(next_command<BeginAttempt>());
  answer(AttemptBegun{AttemptBook::Verdict::kGiveUp});
  const auto park = next_command<ParkRows>();
  ASSERT_TRUE(park);
  EXPECT_EQ(park->rows.at(0).code, "relay.crashed_on");
  EXPECT_THAT(sink_.submitted, IsEmpty());
  answer(RowsParked{Status()});
  EXPECT_TRUE(next_command<SettleSource>());
  EXPECT_EQ(phase(), RoutePhase::kRunning);
}

TEST_F(RouteMachineTest, TriesNothingWhileItsAttemptCanNotBeCounted) {
  open_after_ends_ = 2;
  run();
  read({"a"});
  ASSERT_TRUE(next_command<BeginAttempt>());
  answer(AttemptBegun{fail(codes::kStoreUnavailable, "nobody listens")});
  EXPECT_THAT(sink_.submitted, IsEmpty());
  EXPECT_EQ(phase(), RoutePhase::kBackingOff);
  pass(200ms);
  EXPECT_TRUE(next_command<OpenSource>());
}

TEST_F(RouteMachineTest, ReadsNothingCarefullyWhileTheSinkIsAway) {
  open_after_ends_ = 2;
  sink_.open_error = Error(codes::kRabbitUnavailable, "nobody listens");
  run();
  EXPECT_FALSE(next_command<ReadSource>());
  sink_.open_error.reset();
  pass(200ms);
  EXPECT_TRUE(next_command<ReadSource>());
}

// A kill from outside during an outage of the sink would be laid to the event.
TEST_F(RouteMachineTest, TakesAnAttemptBackWhenItsSinkLetsItWait) {
  open_after_ends_ = 2;
  run();
  read({"a"});
  ASSERT_TRUE(next_command<BeginAttempt>());
  answer(AttemptBegun{AttemptBook::Verdict::kTry});
  EXPECT_FALSE(next_command<TakeBack>());
  sink_.now.phase = SinkState::Phase::kBlocked;
  machine_->on_sink_changed();
  machine_->advance();
  const auto taken = next_command<TakeBack>();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->what, TakeBack::What::kAttempt);
}

// And would be laid to another route's, which has the turn then, if the attempt was begun and taken back.
TEST_F(RouteMachineTest, BeginsNoAttemptWhileItsSinkTakesNothing) {
  open_after_ends_ = 2;
  run();
  ASSERT_TRUE(next_command<ReadSource>());
  sink_.now.phase = SinkState::Phase::kBlocked;
  machine_->on_sink_changed();
  read_answer({"a"});
  EXPECT_FALSE(next_command<BeginAttempt>());
  EXPECT_GT(machine_->advance(), clock_.now() + 1s) << "there is nothing to ask for";
  sink_.now.phase = SinkState::Phase::kAway;
  machine_->on_sink_changed();
  machine_->advance();
  ASSERT_TRUE(next_command<BeginAttempt>()) << "it may connect only when there is something to send";
  answer(AttemptBegun{AttemptBook::Verdict::kTry});
  EXPECT_EQ(sink_.submitted.size(), 1U);
}

// Whoever stands first and can't begin would hold up every other route, for as long as its broker is down.
TEST_F(RouteMachineTest, LetsOthersGoFirstWhileItsSinkTakesNothing) {
  open_after_ends_ = 2;
  Care first(*this, turn_, 10), last(*this, turn_, 10);
  for (Care* other : {&first, &last}) {
    other->on_opened(2);
    other->hold(Slot{1}, "row");
  }
  first.pursue(clock_.now());
  run();
  read({"a"});
  last.pursue(clock_.now());
  sink_.now.phase = SinkState::Phase::kBlocked;
  machine_->on_sink_changed();
  machine_->advance();
  commands_.clear();
  first.clear();
  last.pursue(clock_.now());
  EXPECT_TRUE(next_command<BeginAttempt>());
}

TEST_F(RouteMachineTest, TakesItsOpeningBackOnceSomethingIsSettled) {
  run();
  read({"a"});
  EXPECT_FALSE(next_command<TakeBack>());
  report(0, Outcome::kDelivered);
  pass(50ms);
  const auto settle = next_command<SettleSource>();
  ASSERT_TRUE(settle);
  answer(SourceSettled{settle->mark, Status()});
  EXPECT_TRUE(next_command<TakeBack>());
}

TEST_F(RouteMachineTest, LeavesItsTurnToOthersWhenItFails) {
  open_after_ends_ = 2;
  Care first(*this, turn_, 10), last(*this, turn_, 10);
  for (Care* other : {&first, &last}) {
    other->on_opened(2);
    other->hold(Slot{1}, "row");
  }
  first.pursue(clock_.now());
  run();
  read({"a"});
  last.pursue(clock_.now());
  commands_.clear();
  answer(SourceLost{Error(codes::kRelayNotContiguous, "position 7 follows 5")});
  EXPECT_EQ(phase(), RoutePhase::kFailed);
  first.clear();
  last.pursue(clock_.now());
  EXPECT_TRUE(next_command<BeginAttempt>());
}

}  // namespace
}  // namespace penstock::relay
