#include "connectors/rabbitmq/rabbitmq_properties.h"

#include <chrono>

namespace penstock::rabbitmq {
namespace {

constexpr std::size_t kShortString = 255;
constexpr std::size_t kFixedProperties = 2 + 3 * (1 + kShortString) + 4 + 1 + 8;

struct FieldValue {
  amqp_field_value_t operator()(std::string_view text) const {
    amqp_field_value_t value{};
    value.kind = AMQP_FIELD_KIND_UTF8;
    value.value.bytes = bytes_of(text);
    return value;
  }
  amqp_field_value_t operator()(std::int64_t number) const {
    amqp_field_value_t value{};
    value.kind = AMQP_FIELD_KIND_I64;
    value.value.i64 = number;
    return value;
  }
  amqp_field_value_t operator()(bool truth) const {
    amqp_field_value_t value{};
    value.kind = AMQP_FIELD_KIND_BOOLEAN;
    value.value.boolean = truth ? 1 : 0;
    return value;
  }
};

std::size_t bound_of(const connectors::Header& header) {
  const auto* text = std::get_if<std::string_view>(&header.value);
  return 1 + header.name.size() + 1 + (text != nullptr ? 4 + text->size() : 8);
}

tl::unexpected<Error> too_long(std::string_view what, std::size_t bytes) {
  return fail(codes::kRabbitRejected,
              std::string(what) + " has " + std::to_string(bytes) + " bytes; AMQP carries at most 255");
}

}  // namespace

Status MessageProperties::fill(const connectors::Message& message) {
  const Event& event = *message.event;
  if (message.destination.size() > kShortString) return too_long("the exchange's name", message.destination.size());
  if (message.routing_key.size() > kShortString) return too_long("the routing key", message.routing_key.size());
  if (event.type.size() > kShortString) return too_long("the event type", event.type.size());
  if (event.content_type.size() > kShortString) return too_long("the content type", event.content_type.size());

  headers_.clear();
  encoded_bound_ = kFixedProperties;
  for (const connectors::Header& header : message.headers) {
    if (header.name.size() > kShortString) return too_long("a header's name", header.name.size());
    headers_.push_back({.key = bytes_of(header.name), .value = std::visit(FieldValue{}, header.value)});
    encoded_bound_ += bound_of(header);
  }

  event.id.write_text(message_id_.data());
  properties_._flags = AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG |
                       AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_HEADERS_FLAG;
  properties_.message_id = {.len = message_id_.size(), .bytes = message_id_.data()};
  properties_.type = bytes_of(event.type);
  properties_.content_type = bytes_of(event.content_type);
  properties_.delivery_mode = AMQP_DELIVERY_PERSISTENT;
  properties_.headers = {.num_entries = static_cast<int>(headers_.size()), .entries = headers_.data()};
  if (event.occurred_at) {
    // Unsigned on the wire: a time before 1970 stands in the header `time` only.
    const auto seconds = std::chrono::floor<std::chrono::seconds>(event.occurred_at->time_since_epoch()).count();
    if (seconds >= 0) {
      properties_._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
      properties_.timestamp = static_cast<std::uint64_t>(seconds);
    }
  }
  return {};
}

}  // namespace penstock::rabbitmq
