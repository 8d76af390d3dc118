// Puts an unroutable message together that the broker sends back: a method, a header, bodies. Copies
// what tells which message it was and why; the body is passed over. Single-threaded.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <cstdint>
#include <optional>
#include <string>

namespace penstock::rabbitmq {

struct ReturnedMessage {
  std::string message_id, exchange, routing_key;
  int reply_code = 0;
  std::string reply_text;
};

class ReturnReader {
 public:
  void begin(const amqp_basic_return_t& method);
  // The header or a body of what began; the message once it is complete.
  std::optional<ReturnedMessage> content(const amqp_frame_t& frame);

 private:
  std::optional<ReturnedMessage> current_;
  std::uint64_t missing_bytes_ = 0;
};

}  // namespace penstock::rabbitmq
