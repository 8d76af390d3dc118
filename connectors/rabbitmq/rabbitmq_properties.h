// An event as AMQP properties and header table: pure, no broker needed.
//
//   message_id     event id                 timestamp      occurred_at in seconds, if known
//   type           event type               delivery_mode  2, persistent
//   content_type   content type             headers        the message's, in its order:
//                                           text as string, numbers as int64, truth values as boolean
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <array>
#include <vector>

#include "connectors/message.h"
#include "core/error.h"

namespace penstock::rabbitmq {

// Reused from message to message, so that a message costs no allocation. Single-threaded.
class MessageProperties {
 public:
  // Fills from a message; views point into it until the next call. Error: rabbitmq.rejected for what
  // AMQP can't carry (routing key, header name, type or content type beyond 255 bytes).
  Status fill(const connectors::Message& message);

  const amqp_basic_properties_t& get() const { return properties_; }
  // Upper bound of the encoded properties.
  std::size_t encoded_bound() const { return encoded_bound_; }

 private:
  amqp_basic_properties_t properties_{};
  std::vector<amqp_table_entry_t> headers_;
  std::array<char, EventId::kTextLength> message_id_{};
  std::size_t encoded_bound_ = 0;
};

inline amqp_bytes_t bytes_of(std::string_view text) {
  return {.len = text.size(), .bytes = const_cast<char*>(text.data())};
}

inline std::string_view text_of(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }

}  // namespace penstock::rabbitmq
