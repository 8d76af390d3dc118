#include "connectors/kafka/kafka_errors.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace penstock::kafka {
namespace {

using connectors::Outcome;

struct Row {
  rd_kafka_resp_err_t error;
  Outcome outcome;
  const ErrorCode* code;
};

const Row kTable[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, Outcome::kDelivered, nullptr},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Outcome::kRejected, &codes::kKafkaMessageTooLarge},
    {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, Outcome::kRejected, &codes::kKafkaMessageTooLarge},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, Outcome::kRejected, &codes::kKafkaMessageTooLarge},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, Outcome::kRejected, &codes::kKafkaRejected},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, Outcome::kRejected, &codes::kKafkaRejected},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, Outcome::kRejected, &codes::kKafkaRejected},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, Outcome::kRejected, &codes::kKafkaRejected},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, Outcome::kRejected, &codes::kKafkaRejected},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Outcome::kRetryable, &codes::kKafkaUnknownTopic},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, Outcome::kRetryable, &codes::kKafkaUnknownTopic},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, Outcome::kRetryable, &codes::kKafkaUnknownTopic},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Outcome::kRetryable, &codes::kKafkaUnauthorized},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, Outcome::kRetryable, &codes::kKafkaUnauthorized},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, Outcome::kRetryable, &codes::kKafkaUnauthorized},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, Outcome::kRetryable, &codes::kKafkaAuthenticationFailed},
    {RD_KAFKA_RESP_ERR__SSL, Outcome::kRetryable, &codes::kKafkaAuthenticationFailed},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, Outcome::kRetryable, &codes::kKafkaAuthenticationFailed},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, Outcome::kRetryable, &codes::kKafkaAuthenticationFailed},
    {RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, Outcome::kRetryable, &codes::kKafkaAuthenticationFailed},
    {RD_KAFKA_RESP_ERR_SECURITY_DISABLED, Outcome::kRetryable, &codes::kKafkaAuthenticationFailed},
    {RD_KAFKA_RESP_ERR__FATAL, Outcome::kRetryable, &codes::kKafkaFatal},
    {RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE, Outcome::kRetryable, &codes::kKafkaFatal},
    {RD_KAFKA_RESP_ERR__INCONSISTENT, Outcome::kRetryable, &codes::kKafkaFatal},
    {RD_KAFKA_RESP_ERR__FENCED, Outcome::kRetryable, &codes::kKafkaFatal},
    {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, Outcome::kRetryable, &codes::kKafkaFatal},
    {RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER, Outcome::kRetryable, &codes::kKafkaFatal},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, Outcome::kRetryable, &codes::kKafkaFatal},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, Outcome::kRetryable, &codes::kKafkaFatal},
    {RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, Outcome::kRetryable, &codes::kKafkaFatal},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, Outcome::kRetryable, &codes::kKafkaFatal},
    {RD_KAFKA_RESP_ERR__PURGE_QUEUE, Outcome::kRetryable, &codes::kKafkaDropped},
    {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, Outcome::kRetryable, &codes::kKafkaDropped},
    {RD_KAFKA_RESP_ERR__DESTROY, Outcome::kRetryable, &codes::kKafkaDropped},
};

TEST(KafkaErrors, MeanWhatTheTableSays) {
  for (const Row& row : kTable) {
    const Verdict verdict = verdict_on(row.error);
    EXPECT_EQ(verdict.outcome, row.outcome) << rd_kafka_err2name(row.error);
    EXPECT_EQ(verdict.code, row.code) << rd_kafka_err2name(row.error);
  }
}

// librdkafka lists its whole vocabulary; a newer one knows more.
TEST(KafkaErrors, AreRetryableUnlessTheTableSaysOtherwise) {
  std::map<int, const Row*> rows;
  for (const Row& row : kTable) rows[row.error] = &row;
  const rd_kafka_err_desc* all = nullptr;
  std::size_t count = 0;
  rd_kafka_get_err_descs(&all, &count);
  ASSERT_GT(count, 100U);
  for (std::size_t i = 0; i < count; ++i) {
    if (all[i].name == nullptr || rows.contains(all[i].code)) continue;
    EXPECT_EQ(verdict_on(all[i].code).outcome, Outcome::kRetryable) << all[i].name;
    EXPECT_EQ(verdict_on(all[i].code).code, &codes::kKafkaUnavailable) << all[i].name;
  }
}

TEST(KafkaErrors, AreRetryableWhenNobodyKnowsThem) {
  EXPECT_EQ(verdict_on(static_cast<rd_kafka_resp_err_t>(120)).outcome, Outcome::kRetryable);
}

// A kind that the relay treats as final must not stand behind a retryable outcome.
TEST(KafkaErrors, HaveARejectedKindExactlyWhenTheyReject) {
  for (const Row& row : kTable) {
    if (row.code == nullptr) continue;
    EXPECT_EQ(row.code->kind == ErrorKind::kRejected, row.outcome == Outcome::kRejected) << row.code->name;
  }
}

TEST(KafkaErrors, SayWhatFailedAndWhy) {
  const Error error = error_of(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "topic orders");
  EXPECT_EQ(error.message(), "topic orders: Broker: Message size too large");
}

}  // namespace
}  // namespace penstock::kafka
