#include "connectors/kafka/delivery_reader.h"

#include <gtest/gtest.h>

#include <deque>

namespace penstock::kafka {
namespace {

using connectors::Outcome;

// A batch as librdkafka reports it; tickets count from 1.
class Batch {
 public:
  explicit Batch(std::vector<rd_kafka_resp_err_t> errors) {
    for (const auto error : errors) {
      rd_kafka_message_t message{};
      message.err = error;
      message.len = 100;
      message._private = reinterpret_cast<void*>(messages_.size() + 1);
      pointers_.push_back(&messages_.emplace_back(message));
    }
  }
  const std::vector<const rd_kafka_message_t*>& messages() const { return pointers_; }

 private:
  std::deque<rd_kafka_message_t> messages_;
  std::vector<const rd_kafka_message_t*> pointers_;
};

constexpr auto kOk = RD_KAFKA_RESP_ERR_NO_ERROR;
constexpr auto kTooLarge = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
constexpr auto kInvalid = RD_KAFKA_RESP_ERR_INVALID_RECORD;

TEST(DeliveryReader, ReportsEachMessageUnderItsTicket) {
  DeliveryReader reader;
  const auto& deliveries = reader.read(Batch({kOk, kOk, kOk}).messages());
  ASSERT_EQ(deliveries.reports.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(deliveries.reports[i].ticket.value, i + 1);
  EXPECT_EQ(deliveries.delivered, 3U);
  EXPECT_EQ(deliveries.failure, nullptr);
}

TEST(DeliveryReader, RejectsARecordThatIsRefusedAlone) {
  DeliveryReader reader;
  const auto& deliveries = reader.read(Batch({kTooLarge}).messages());
  EXPECT_EQ(deliveries.reports[0].outcome, Outcome::kRejected);
  EXPECT_FALSE(deliveries.refused);
}

// Guards against parking innocent events with the one that is too large.
TEST(DeliveryReader, RejectsNobodyWhenSeveralAreRefusedTogether) {
  DeliveryReader reader;
  const auto& deliveries = reader.read(Batch({kTooLarge, kTooLarge, kTooLarge}).messages());
  for (const auto& report : deliveries.reports) EXPECT_EQ(report.outcome, Outcome::kRetryable);
  ASSERT_TRUE(deliveries.refused);
  EXPECT_EQ(deliveries.refused->because, RefusedBatch::Because::kSize);
  EXPECT_EQ(deliveries.refused->bytes, 300U);
  EXPECT_EQ(deliveries.refused->records, 3U);
}

TEST(DeliveryReader, TellsARefusalOfContentFromOneOfSize) {
  DeliveryReader reader;
  const auto& deliveries = reader.read(Batch({kInvalid, kInvalid}).messages());
  ASSERT_TRUE(deliveries.refused);
  EXPECT_EQ(deliveries.refused->because, RefusedBatch::Because::kContent);
}

// No broker has seen these: the topic's name itself is not legal.
TEST(DeliveryReader, RejectsEveryMessageOfAnIllegalTopic) {
  DeliveryReader reader;
  const auto illegal = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
  const auto& deliveries = reader.read(Batch({illegal, illegal}).messages());
  for (const auto& report : deliveries.reports) EXPECT_EQ(report.outcome, Outcome::kRejected);
  EXPECT_FALSE(deliveries.refused);
}

TEST(DeliveryReader, SharesOneErrorAmongMessagesThatFailAlike) {
  DeliveryReader reader;
  const auto purged = RD_KAFKA_RESP_ERR__PURGE_QUEUE;
  const auto& deliveries = reader.read(Batch({purged, purged}).messages());
  EXPECT_EQ(deliveries.reports[0].error, deliveries.reports[1].error);
  EXPECT_EQ(deliveries.failure, deliveries.reports[0].error);
}

}  // namespace
}  // namespace penstock::kafka
