#include "connectors/outbox/lost_numbers.h"

#include <gtest/gtest.h>

#include "tests/support/memory_source_gaps.h"
#include "tests/support/recording_log.h"

namespace penstock::outbox {
namespace {

using connectors::OnLostTail;

class LostNumbersTest : public testing::Test {
 protected:
  static NumberLoss loss(std::int64_t from, std::int64_t to, const ErrorCode& code = codes::kOutboxLostTail) {
    return {Error(code, "rows are gone"), from, to};
  }
  std::string behind(std::int64_t passed, LostNumbers& lost) {
    const auto passage = lost.find_passage(passed, "rows are gone");
    if (!passage) return std::string(passage.error().code().name) + ": " + passage.error().message();
    if (!*passage) return "none";
    return std::to_string((*passage)->behind) + " with gap " + std::to_string((*passage)->gap);
  }

  tests::MemorySourceGaps gaps_;
  tests::RecordingLog log_;
  LostNumbers lost_{"orders", OnLostTail::kStop, gaps_, log_};
};

TEST_F(LostNumbersTest, WaitForEachRecord) {
  EXPECT_EQ(behind(0, lost_), "none");
  ASSERT_TRUE(lost_.put_on_record(loss(50, 70), 0));
  EXPECT_EQ(behind(0, lost_),
            "outbox.lost_tail: rows are gone: gap 1 behind number 50 and up to 70 waits for `penstock gaps ack 1`");
  gaps_.acknowledge(1);
  EXPECT_EQ(behind(0, lost_), "50 with gap 1");
  EXPECT_EQ(behind(1, lost_), "none") << "passed before";
}

TEST_F(LostNumbersTest, AreRecordedFurtherWhereMoreIsFound) {
  ASSERT_TRUE(lost_.put_on_record(loss(50, 70), 0));
  ASSERT_TRUE(lost_.put_on_record(loss(60, 70), 0));
  EXPECT_EQ(gaps_.records().size(), 1U) << "the record names it";
  gaps_.acknowledge_all();
  ASSERT_TRUE(lost_.put_on_record(loss(40, 70), 0));
  ASSERT_EQ(gaps_.records().size(), 2U);
  EXPECT_TRUE(behind(0, lost_).starts_with("outbox.lost_tail")) << "an acknowledgement holds for its record";
  gaps_.acknowledge_all();
  EXPECT_EQ(behind(0, lost_), "40 with gap 2");
  EXPECT_EQ(log_.count(LogLevel::kError), 2U);
}

TEST_F(LostNumbersTest, AreAnotherRecordWhenTheSameIsLostAgain) {
  ASSERT_TRUE(lost_.put_on_record(loss(0, 5), 0));
  gaps_.acknowledge_all();
  ASSERT_TRUE(lost_.put_on_record(loss(0, 5), 1));
  ASSERT_EQ(gaps_.records().size(), 2U);
  EXPECT_TRUE(behind(1, lost_).starts_with("outbox.lost_tail"));
}

TEST_F(LostNumbersTest, ArePassedUnaskedOnlyWhereATailWasLost) {
  LostNumbers goes_on("orders", OnLostTail::kContinue, gaps_, log_);
  ASSERT_TRUE(goes_on.put_on_record(loss(50, 70), 0));
  EXPECT_EQ(behind(0, goes_on), "50 with gap 1");
  ASSERT_TRUE(goes_on.put_on_record(loss(0, 70, codes::kOutboxCheckpointForeign), 0));
  EXPECT_TRUE(behind(0, goes_on).starts_with("outbox.checkpoint_foreign"));
}

// A source that was read from the log has records of its own, in places of the log.
TEST_F(LostNumbersTest, AreNotThoseOfTheLogOrOfAnotherSource) {
  ASSERT_TRUE(gaps_.record("orders", {"wal.slot_lost", Position{7}, Position{9}}));
  ASSERT_TRUE(gaps_.record("bills", {"outbox.lost_tail", Position{7}, Position{9}}));
  EXPECT_EQ(behind(0, lost_), "none");
}

}  // namespace
}  // namespace penstock::outbox
