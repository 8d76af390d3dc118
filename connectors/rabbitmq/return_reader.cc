#include "connectors/rabbitmq/return_reader.h"

#include <algorithm>
#include <utility>

#include "connectors/rabbitmq/rabbitmq_properties.h"

namespace penstock::rabbitmq {

void ReturnReader::begin(const amqp_basic_return_t& method) {
  current_ = {.message_id = {},
              .exchange = std::string(text_of(method.exchange)),
              .routing_key = std::string(text_of(method.routing_key)),
              .reply_code = method.reply_code,
              .reply_text = std::string(text_of(method.reply_text))};
  missing_bytes_ = 0;
}

std::optional<ReturnedMessage> ReturnReader::content(const amqp_frame_t& frame) {
  if (!current_) return std::nullopt;
  if (frame.frame_type == AMQP_FRAME_HEADER) {
    const auto* properties = static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded);
    if ((properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0)
      current_->message_id = std::string(text_of(properties->message_id));
    missing_bytes_ = frame.payload.properties.body_size;
  } else {
    missing_bytes_ -= std::min<std::uint64_t>(missing_bytes_, frame.payload.body_fragment.len);
  }
  if (missing_bytes_ > 0) return std::nullopt;
  return std::exchange(current_, std::nullopt);
}

}  // namespace penstock::rabbitmq
