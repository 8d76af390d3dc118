#include "relay/source_worker.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"
#include "tests/support/memory_store.h"

namespace penstock::relay {
namespace {

class SourceWorkerTest : public testing::Test {
 protected:
  template <typename Answer>
  Answer carry_out(SourceCommand command) {
    return std::get<Answer>(worker_.carry_out(std::move(command), {}));
  }
  Status open() { return carry_out<SourceOpened>(OpenSource{{"route/one", "me", Epoch{1}}}).status; }
  Result<connectors::ReadBatch> read() {
    return std::move(carry_out<SourceRead>(ReadSource{{10, 10'000, connectors::ReadRoom::Window::kEmpty}}).batch);
  }

  tests::ManualClock clock_;
  std::shared_ptr<tests::MemoryDatabase> database_ = std::make_shared<tests::MemoryDatabase>(clock_);
  tests::MemoryStore store_{database_, tests::MemoryStore::Appending::kAtOnce};
  tests::MemoryTable table_;
  tests::MemorySource source_{table_};
  SourceWorker worker_{source_, {store_.parked(), store_.attempts()}, {"one", "outbox"}, 3};
};

TEST_F(SourceWorkerTest, ReadsAndSettlesAnOpenSource) {
  table_.add(tests::counted_event("a", 1));
  ASSERT_TRUE(open());
  EXPECT_EQ(read()->items.size(), 1U);
  EXPECT_TRUE(carry_out<SourceSettled>(SettleSource{ReadMark{1}}).status);
  EXPECT_EQ(table_.settled(), 1U);
}

TEST_F(SourceWorkerTest, AnswersTheErrorThatEndedTheOpeningWithoutTryingAgain) {
  ASSERT_TRUE(open());
  table_.fail_by(
      [](tests::SourceCall) { return tests::SourceFault{Error(codes::kOutboxUnavailable, "the session died")}; });
  EXPECT_FALSE(read());
  table_.fail_by({});
  const Status settled = carry_out<SourceSettled>(SettleSource{ReadMark{1}}).status;
  ASSERT_FALSE(settled);
  EXPECT_EQ(&settled.error().code(), &codes::kOutboxUnavailable);
  EXPECT_EQ(table_.settle_calls(), 0U);
  EXPECT_TRUE(open());
}

TEST_F(SourceWorkerTest, TurnsABrokenInvariantIntoAnAnswer) {
  ASSERT_TRUE(open());
  const Status settled = carry_out<SourceSettled>(SettleSource{ReadMark{99}}).status;
  ASSERT_FALSE(settled);
  EXPECT_EQ(&settled.error().code(), &codes::kInternal);
}

TEST_F(SourceWorkerTest, OpensNothingWhileTheParkedListCanNotBeRead) {
  database_->go_away();
  EXPECT_FALSE(open());
  EXPECT_EQ(table_.openings(), 0U);
  database_->come_back();
  EXPECT_TRUE(open());
}

// A program that stands by, or waits for its source, is started again without having crashed of a row.
TEST_F(SourceWorkerTest, CountsNoOpeningThatDidNotComeAbout) {
  table_.fail_by([](tests::SourceCall) { return tests::SourceFault{Error(codes::kOutboxLocked, "another polls")}; });
  EXPECT_FALSE(open());
  EXPECT_EQ(store_.attempts().load("one")->openings, 0U);
  table_.fail_by({});
  EXPECT_TRUE(open());
  EXPECT_EQ(store_.attempts().load("one")->openings, 1U);
}

TEST_F(SourceWorkerTest, ParksWithoutAnOpening) {
  store::ParkedEvent row;
  row.route = "one";
  row.source = "outbox";
  row.source_key = "7";
  row.code = "outbox.row_malformed";
  row.content = "{}";
  EXPECT_TRUE(carry_out<RowsParked>(ParkRows{{row}}).status);
  EXPECT_EQ(*store_.parked().count("one"), 1U);
}

TEST_F(SourceWorkerTest, ClosesASourceThatWasNeverOpened) {
  carry_out<SourceClosed>(CloseSource{});
  EXPECT_FALSE(worker_.is_open());
  EXPECT_TRUE(worker_.keep_alive());
}

}  // namespace
}  // namespace penstock::relay
