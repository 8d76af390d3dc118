#include "connectors/kafka/delivery_reader.h"

#include "connectors/kafka/first_contact.h"
#include "connectors/kafka/kafka_errors.h"

namespace penstock::kafka {
namespace {

using connectors::Outcome;
using connectors::Ticket;

// Refusals that a broker gives to a batch because of a record in it.
std::optional<RefusedBatch::Because> blame(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: return RefusedBatch::Because::kSize;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION: return RefusedBatch::Because::kContent;
    default: return std::nullopt;
  }
}

std::optional<RefusedBatch> refused_together(const std::vector<const rd_kafka_message_t*>& batch) {
  std::optional<RefusedBatch> refused;
  for (const rd_kafka_message_t* message : batch) {
    const auto because = blame(message->err);
    if (!because) continue;
    if (!refused) refused = RefusedBatch{*because, 0, 0};
    refused->bytes += message->len + message->key_len;
    ++refused->records;
  }
  return refused && refused->records > 1 ? refused : std::nullopt;
}

Ticket ticket_of(const rd_kafka_message_t& message) {
  return Ticket{reinterpret_cast<std::uintptr_t>(message._private)};
}

void tell_acknowledged(const rd_kafka_message_t& message) {
  if (message.rkt == nullptr) return;
  auto* contact = static_cast<FirstContact*>(rd_kafka_topic_opaque(message.rkt));
  if (contact != nullptr) contact->acknowledged(message.partition);
}

}  // namespace

Deliveries& DeliveryReader::read(rd_kafka_event_t* event) {
  batch_.resize(rd_kafka_event_message_count(event));
  batch_.resize(rd_kafka_event_message_array(event, batch_.data(), batch_.size()));
  return read(batch_);
}

Deliveries& DeliveryReader::read(const std::vector<const rd_kafka_message_t*>& batch) {
  deliveries_.reports.clear();
  deliveries_.delivered = 0;
  deliveries_.failure = nullptr;
  deliveries_.refused = refused_together(batch);
  for (const rd_kafka_message_t* message : batch) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) [[likely]] {
      // A batch is of one partition.
      if (deliveries_.delivered++ == 0) tell_acknowledged(*message);
      deliveries_.reports.push_back({ticket_of(*message), Outcome::kDelivered, nullptr});
      continue;
    }
    const bool may_be_another = deliveries_.refused && blame(message->err);
    const Outcome outcome = may_be_another ? Outcome::kRetryable : verdict_on(message->err).outcome;
    auto error = error_for(*message);
    if (!deliveries_.failure) deliveries_.failure = error;
    deliveries_.reports.push_back({ticket_of(*message), outcome, std::move(error)});
  }
  errors_.clear();
  return deliveries_;
}

std::shared_ptr<const Error> DeliveryReader::error_for(const rd_kafka_message_t& message) {
  auto& error = errors_[message.err];
  if (!error) {
    const std::string topic = message.rkt != nullptr ? rd_kafka_topic_name(message.rkt) : "?";
    error = std::make_shared<const Error>(error_of(message.err, "topic " + topic));
  }
  return error;
}

}  // namespace penstock::kafka
