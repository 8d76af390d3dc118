#include "relay/care.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"

namespace penstock::relay {
namespace {

using namespace std::chrono_literals;
using Verdict = AttemptBook::Verdict;

class AttemptBookTest : public testing::Test {
 protected:
  // The program ends without a word, and is started again.
  AttemptBook& crash() {
    book_ = std::make_unique<AttemptBook>(store_.attempts(), "in", 3);
    return *book_;
  }
  std::size_t written() { return store_.attempts().load("in")->rows.size(); }

  tests::ManualClock clock_;
  std::shared_ptr<tests::MemoryDatabase> database_ = std::make_shared<tests::MemoryDatabase>(clock_);
  tests::MemoryStore store_{database_, tests::MemoryStore::Appending::kAtOnce};
  std::unique_ptr<AttemptBook> book_;
};

TEST_F(AttemptBookTest, CountsOpeningsOfProgramsThatEndedAndNotItsOwn) {
  EXPECT_EQ(crash().enter().value(), 0u);
  EXPECT_EQ(book_->enter().value(), 0u) << "the session was lost, the program lives";
  EXPECT_EQ(crash().enter().value(), 1u);
  EXPECT_EQ(crash().enter().value(), 2u);
  EXPECT_TRUE(book_->forget());
  EXPECT_EQ(book_->enter().value(), 0u);
  EXPECT_EQ(crash().enter().value(), 1u);
}

TEST_F(AttemptBookTest, GivesARowUpThatWasTriedTooOften) {
  for (int crashes = 0; crashes < 3; ++crashes) {
    ASSERT_TRUE(crash().enter());
    EXPECT_EQ(book_->begin("good").value(), Verdict::kTry);
    EXPECT_EQ(book_->begin("bad").value(), Verdict::kTry);
  }
  ASSERT_TRUE(crash().enter());
  EXPECT_EQ(book_->begin("good").value(), Verdict::kTry);
  EXPECT_EQ(book_->begin("bad").value(), Verdict::kGiveUp);
}

TEST_F(AttemptBookTest, HoldsNothingAgainstARowThatTheProgramOutlived) {
  for (int crashes = 0; crashes < 5; ++crashes) {
    ASSERT_TRUE(crash().enter());
    EXPECT_EQ(book_->begin("slow").value(), Verdict::kTry);
    EXPECT_TRUE(book_->end());
  }
  EXPECT_EQ(written(), 0u);
  for (int openings = 0; openings < 5; ++openings) {
    ASSERT_TRUE(book_->enter());
    EXPECT_EQ(book_->begin("slow").value(), Verdict::kTry) << "read again by the same program";
  }
}

TEST_F(AttemptBookTest, CountsAnAttemptOnceWhoseAnswerWasLost) {
  ASSERT_TRUE(crash().enter());
  database_->set_faults({.before = {}, .after = [](tests::StoreCall call) -> std::optional<Error> {
                           if (call != tests::StoreCall::kCountAttempts) return std::nullopt;
                           return Error(codes::kStoreInDoubt, "the answer was lost");
                         }});
  EXPECT_FALSE(book_->begin("a"));
  EXPECT_FALSE(book_->begin("a"));
  database_->set_faults({});
  EXPECT_EQ(book_->begin("a").value(), Verdict::kTry);
  EXPECT_EQ(store_.attempts().load("in")->rows.at("a"), 1u);
}

TEST(CareTurn, IsOneRoutesAtATimeInTheOrderOfAsking) {
  CareTurn turn;
  const int a = 0, b = 0, c = 0;
  EXPECT_TRUE(turn.take(&a));
  EXPECT_FALSE(turn.take(&b));
  EXPECT_FALSE(turn.take(&c));
  EXPECT_TRUE(turn.take(&a));
  turn.give_back(&b);
  turn.give_back(&a);
  EXPECT_FALSE(turn.take(&a));
  EXPECT_TRUE(turn.take(&c));
}

constexpr Slot kAllStored{1'000};

class CareTest : public testing::Test, protected SourcePort {
 protected:
  void post(SourceCommand command) override { commands_.push_back(std::move(command)); }

  template <typename Command>
  std::size_t count() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        commands_, [](const SourceCommand& command) { return std::holds_alternative<Command>(command); }));
  }

  tests::ManualClock clock_;
  CareTurn turn_;
  std::vector<SourceCommand> commands_;
  Care care_{*this, turn_, 1'000};
};

TEST_F(CareTest, WritesNothingInOrdinaryRunningButTheEndOfItsOpening) {
  care_.on_opened(0);
  EXPECT_FALSE(care_.at_once());
  care_.on_stored(0, kAllStored);
  care_.on_idle();
  EXPECT_TRUE(commands_.empty());
  care_.on_stored(5, kAllStored);
  care_.on_stored(5, kAllStored);
  EXPECT_EQ(count<TakeBack>(), 1u);
  care_.on_taken_back(TakeBack::What::kAll, Status());
  care_.on_stored(5, kAllStored);
  care_.leave();
  EXPECT_EQ(commands_.size(), 1u);
}

TEST_F(CareTest, TriesToTakeBackAgainAtTheNextSettling) {
  care_.on_opened(0);
  care_.on_stored(5, kAllStored);
  care_.on_taken_back(TakeBack::What::kAll, fail(codes::kStoreUnavailable, "nobody listens"));
  care_.on_stored(5, kAllStored);
  EXPECT_EQ(count<TakeBack>(), 2u);
}

TEST_F(CareTest, ReadsFewAtOnceAfterOneBadEndUntilAWindowIsSettled) {
  care_.on_opened(1);
  ASSERT_TRUE(care_.at_once());
  EXPECT_GT(*care_.at_once(), 1u);
  EXPECT_FALSE(care_.is_careful());
  care_.on_stored(999, kAllStored);
  EXPECT_TRUE(commands_.empty());
  care_.on_stored(1, kAllStored);
  care_.on_taken_back(TakeBack::What::kAll, Status());
  EXPECT_FALSE(care_.at_once());
}

TEST_F(CareTest, GoesOneByOneAfterTwoUntilAFewAreSettledOrNothingIsLeft) {
  care_.on_opened(2);
  EXPECT_EQ(care_.at_once(), 1u);
  for (int i = 0; i < 99; ++i) care_.on_stored(1, kAllStored);
  EXPECT_TRUE(commands_.empty());
  care_.on_stored(1, kAllStored);
  EXPECT_EQ(count<TakeBack>(), 1u);

  commands_.clear();
  care_.on_opened(7);
  care_.on_idle();
  EXPECT_TRUE(commands_.empty()) << "nothing was settled, so nothing is known";
  care_.on_stored(1, kAllStored);
  care_.on_idle();
  EXPECT_EQ(count<TakeBack>(), 1u);
}

TEST_F(CareTest, BeginsOnlyInItsTurn) {
  const int other = 0;
  ASSERT_TRUE(turn_.take(&other));
  care_.on_opened(2);
  care_.hold(Slot{7}, "row");
  care_.pursue(clock_.now());
  EXPECT_TRUE(commands_.empty());
  EXPECT_LT(care_.next_due(clock_.now()), SteadyTime::max());
  turn_.give_back(&other);
  care_.pursue(clock_.now());
  EXPECT_EQ(count<BeginAttempt>(), 1u);
  EXPECT_EQ(care_.on_begun(clock_.now()), Slot{7});
  care_.on_stored(1, kAllStored);
  EXPECT_TRUE(turn_.take(&other));
}

TEST_F(CareTest, GoesOnWithItsAttemptWhileOnlyWhatWasDroppedBeforeItIsStored) {
  care_.on_opened(2);
  care_.hold(Slot{7}, "row");
  care_.pursue(clock_.now());
  ASSERT_TRUE(care_.on_begun(clock_.now()));
  care_.on_stored(1'000, Slot{7});
  EXPECT_EQ(count<TakeBack>(), 0u);
  EXPECT_FALSE(turn_.take(this));
  care_.on_stored(1, Slot{8});
  EXPECT_EQ(count<TakeBack>(), 1u);
  EXPECT_TRUE(turn_.take(this));
  turn_.give_back(this);
}

TEST_F(CareTest, TakesBackAnAttemptThatItsSinkRefusesForNowOrThatTakesLong) {
  care_.on_opened(2);
  for (const bool refused : {true, false}) {
    commands_.clear();
    care_.hold(Slot{1}, "row");
    care_.pursue(clock_.now());
    ASSERT_TRUE(care_.on_begun(clock_.now()));
    if (refused) care_.on_retry();
    clock_.advance(11s);
    care_.pursue(clock_.now());
    care_.on_retry();
    EXPECT_EQ(count<TakeBack>(), 1u);
    EXPECT_TRUE(turn_.take(this));
    turn_.give_back(this);
    care_.on_stored(1, kAllStored);
  }
}

TEST_F(CareTest, ForgetsAnAttemptWithItsOpening) {
  care_.on_opened(2);
  care_.hold(Slot{1}, "row");
  care_.pursue(clock_.now());
  care_.clear();
  EXPECT_EQ(care_.on_begun(clock_.now()), std::nullopt);
  EXPECT_TRUE(turn_.take(this));
}

}  // namespace
}  // namespace penstock::relay
