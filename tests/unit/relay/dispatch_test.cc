#include "relay/dispatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_source.h"
#include "tests/support/seeded_random.h"

namespace penstock::relay {
namespace {

using connectors::LaterMayPass;
using connectors::Submitted;
using testing::ElementsAre;
using testing::IsEmpty;

class DispatchTest : public testing::Test, private SubmitPort {
 protected:
  void make(LaterMayPass later_may_pass, Order order = Order::kStrict) {
    dispatch_ = make_dispatch(later_may_pass, order, tracker_, policy_);
  }

  Slot expect(std::string_view key, std::string_view destination = "events") {
    const Slot slot = tracker_.expect(ReadMark{++marks_}, 1);
    connectors::Message& message = tracker_.at(slot).message;
    message.event = tests::counted_event(key.empty() ? "none" : key, marks_);
    message.destination = destination;
    if (!key.empty()) message.key = *message.event->key;
    dispatch_->expect(slot);
    return slot;
  }

  // What is submitted now.
  std::vector<Slot> submit() {
    submitted_.clear();
    dispatch_->submit_due(now_, limit_, *this);
    return submitted_;
  }

  void deliver(Slot slot) {
    --outstanding_;
    tracker_.settle(slot);
    dispatch_->settled(slot);
  }

  void fail(Slot slot) {
    --outstanding_;
    tracker_.at(slot).stage = Stage::kWaiting;
    tracker_.mark_failed(slot);
    dispatch_->failed(slot, now_);
  }

  void let_back_off_pass() { now_ = std::max(now_, dispatch_->next_due()); }

  SteadyTime now_ = SteadyTime() + std::chrono::hours(1);
  Slot limit_{1'000'000};
  std::size_t room_ = 1'000;
  DeliveryTracker tracker_{{1'000, 1'000'000}};
  std::unique_ptr<Dispatch> dispatch_;

 private:
  Submitted submit(Slot slot) override {
    if (outstanding_ == room_) return Submitted::kFull;
    ++outstanding_;
    tracker_.at(slot).stage = Stage::kSubmitted;
    submitted_.push_back(slot);
    return Submitted::kAccepted;
  }
  std::size_t outstanding() const override { return outstanding_; }

  tests::SeededRandom random_{7};
  RetryPolicy policy_{RetrySettings{}, random_};
  std::vector<Slot> submitted_;
  std::size_t outstanding_ = 0;
  std::uint64_t marks_ = 0;
};

TEST_F(DispatchTest, KeyedSendsOneOfAKeyAtATime) {
  make(LaterMayPass::kYes);
  const Slot a1 = expect("a"), a2 = expect("a"), b1 = expect("b");
  EXPECT_THAT(submit(), ElementsAre(a1, b1));
  deliver(a1);
  EXPECT_THAT(submit(), ElementsAre(a2));
}

TEST_F(DispatchTest, KeyedRetryHoldsBackItsOwnKeyOnly) {
  make(LaterMayPass::kYes);
  const Slot a1 = expect("a"), a2 = expect("a");
  submit();
  fail(a1);
  const Slot b1 = expect("b");
  EXPECT_THAT(submit(), ElementsAre(b1));
  let_back_off_pass();
  EXPECT_THAT(submit(), ElementsAre(a1));
  deliver(a1);
  EXPECT_THAT(submit(), ElementsAre(a2));
}

TEST_F(DispatchTest, KeyedOrdersByDestinationToo) {
  make(LaterMayPass::kYes);
  const Slot one = expect("a", "one"), two = expect("a", "two");
  EXPECT_THAT(submit(), ElementsAre(one, two));
}

TEST_F(DispatchTest, KeyedOrdersANullKeyWithNothing) {
  make(LaterMayPass::kYes);
  const Slot first = expect(""), second = expect("");
  EXPECT_THAT(submit(), ElementsAre(first, second));
  fail(first);
  deliver(second);
  let_back_off_pass();
  EXPECT_THAT(submit(), ElementsAre(first));
}

TEST_F(DispatchTest, KeyedRestartEndsBackOffsInReadOrder) {
  make(LaterMayPass::kYes);
  const Slot a = expect("a"), b = expect("b"), c = expect("c");
  submit();
  fail(c);
  fail(a);
  fail(b);
  dispatch_->restart();
  EXPECT_THAT(submit(), ElementsAre(a, b, c));
}

TEST_F(DispatchTest, PipelinedSendsEverythingInReadOrder) {
  make(LaterMayPass::kNo);
  const Slot a1 = expect("a"), a2 = expect("a"), b1 = expect("b");
  EXPECT_THAT(submit(), ElementsAre(a1, a2, b1));
}

TEST_F(DispatchTest, PipelinedWaitsForAllOutcomesAndBeginsAgainFromTheOldest) {
  make(LaterMayPass::kNo);
  const Slot first = expect("a"), second = expect("a"), third = expect("b");
  submit();
  fail(first);
  const Slot fourth = expect("c");
  EXPECT_THAT(submit(), IsEmpty()) << "two outcomes are missing";
  deliver(second);
  fail(third);
  EXPECT_THAT(submit(), IsEmpty()) << "the back-off has only begun";
  EXPECT_LT(dispatch_->next_due(), SteadyTime::max());
  let_back_off_pass();
  EXPECT_THAT(submit(), ElementsAre(first, third, fourth));
}

TEST_F(DispatchTest, PipelinedOrderIsPipelinedWhateverTheSinkPromises) {
  make(LaterMayPass::kYes, Order::kPipelined);
  const Slot a1 = expect("a"), a2 = expect("a");
  EXPECT_THAT(submit(), ElementsAre(a1, a2));
}

TEST_F(DispatchTest, PipelinedPassesOverWhatIsBeingParked) {
  make(LaterMayPass::kNo);
  const Slot first = expect("a"), second = expect("a");
  submit();
  fail(second);
  tracker_.at(first).stage = Stage::kParking;
  dispatch_->restart();
  EXPECT_THAT(submit(), ElementsAre(second));
}

TEST_F(DispatchTest, KeyedAsksAFullSinkAgainForTheSameMessage) {
  make(LaterMayPass::kYes);
  room_ = 1;
  const Slot a = expect("a"), b = expect("b");
  EXPECT_THAT(submit(), ElementsAre(a));
  deliver(a);
  EXPECT_THAT(submit(), ElementsAre(b));
}

TEST_F(DispatchTest, PipelinedAsksAFullSinkAgainForTheSameMessage) {
  make(LaterMayPass::kNo);
  room_ = 1;
  const Slot a = expect("a"), b = expect("b");
  EXPECT_THAT(submit(), ElementsAre(a));
  deliver(a);
  EXPECT_THAT(submit(), ElementsAre(b));
}

TEST_F(DispatchTest, NothingBeyondTheLimitIsSent) {
  make(LaterMayPass::kNo);
  const Slot a = expect("a"), b = expect("b");
  limit_ = b;
  EXPECT_THAT(submit(), ElementsAre(a));
}

TEST_F(DispatchTest, KeyedSendsNothingBeyondTheLimit) {
  make(LaterMayPass::kYes);
  const Slot a1 = expect("a"), b1 = expect("b"), a2 = expect("a");
  limit_ = b1;
  EXPECT_THAT(submit(), ElementsAre(a1));
  deliver(a1);
  EXPECT_THAT(submit(), IsEmpty());
  (void)a2;
}

}  // namespace
}  // namespace penstock::relay
