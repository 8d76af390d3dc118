// `penstock validate` for a RabbitMQ sink: does the broker answer, are the exchanges there and of a
// fitting type, may we publish? Changes nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kind.h"

namespace penstock::rabbitmq {

std::vector<connectors::Finding> inspect(const Section& sink, std::span<const connectors::RouteTemplates> routes,
                                         std::size_t event_bytes, Deadline deadline);

// What a broker's objection to a declaration says an attribute really is:
// "… inequivalent arg 'type' for exchange …: received 'headers' but current is 'topic'" → "topic".
// Empty when it says nothing about that attribute.
std::string current_attribute(std::string_view objection, std::string_view attribute);

}  // namespace penstock::rabbitmq
