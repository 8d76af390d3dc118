#include "connectors/kafka/kafka_errors.h"

#include "core/invariant.h"

namespace penstock::kafka {
namespace {

using connectors::Outcome;

constexpr Verdict retryable(const ErrorCode& code) { return {Outcome::kRetryable, &code}; }
constexpr Verdict rejected(const ErrorCode& code) { return {Outcome::kRejected, &code}; }

}  // namespace

Verdict verdict_on(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return {Outcome::kDelivered, nullptr};

    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: return rejected(codes::kKafkaMessageTooLarge);

    case RD_KAFKA_RESP_ERR_INVALID_RECORD:     // no key on a compacted topic, failed validation
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:  // beyond the topic's bounds on record timestamps
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:   // a policy of the broker
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:    // no legal topic name
    case RD_KAFKA_RESP_ERR__INVALID_ARG: return rejected(codes::kKafkaRejected);

    // Heals when the topic is created, so the event waits for that.
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return retryable(codes::kKafkaUnknownTopic);

    // Heal when rights are granted.
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED: return retryable(codes::kKafkaUnauthorized);

    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED: return retryable(codes::kKafkaAuthenticationFailed);

    // The producer's sequence is lost: a new producer, and everything unsettled again.
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE:
    case RD_KAFKA_RESP_ERR__INCONSISTENT:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED: return retryable(codes::kKafkaFatal);

    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__DESTROY: return retryable(codes::kKafkaDropped);

    default: return retryable(codes::kKafkaUnavailable);
  }
}

Error error_of(rd_kafka_resp_err_t error, const std::string& what) {
  const Verdict verdict = verdict_on(error);
  INVARIANT(verdict.code != nullptr, "only failures have an error");
  return Error(*verdict.code, what + ": " + rd_kafka_err2str(error));
}

}  // namespace penstock::kafka
