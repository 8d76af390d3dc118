// A message as the native form makes it, for the suites beside.
#pragma once

#include <string_view>

#include "connectors/message.h"
#include "connectors/rabbitmq/native_wire.h"

namespace penstock::rabbitmq {

inline EventId id_of(std::uint8_t number) {
  std::array<std::uint8_t, 16> bytes{};
  bytes.back() = number;
  return EventId(bytes);
}

// As a stored event; a test changes what it is about.
inline Event stored_event() {
  return {.id = id_of(7),
          .stream = "order-42",
          .category = "order",
          .type = "OrderPlaced",
          .data = "{\"n\":1}",
          .content_type = "application/json",
          .occurred_at = Timestamp(std::chrono::microseconds(1'770'000'000'123'456)),
          .key = "42",
          .version = Version{3},
          .position = Position{17},
          .recorded_at = Timestamp(std::chrono::microseconds(1'770'000'001'000'000))};
}

// As the mapping of a route makes it. `exchange` and `routing_key` outlive the message.
inline connectors::Message message_of(const Event& event, std::string_view exchange = "events",
                                      std::string_view routing_key = "order.OrderPlaced") {
  connectors::MessageBuilder builder(make_event(event));
  connectors::Message& message = builder.message();
  message.destination = exchange;
  message.routing_key = routing_key;
  message.key = message.event->key;
  native_wire().encode(*message.event, builder);
  return std::move(builder).finish();
}

}  // namespace penstock::rabbitmq
