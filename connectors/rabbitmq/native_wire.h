// The native wire form on RabbitMQ: what docs/wire.md says of headers and body, made of an event. The
// properties (message_id, type, content_type, timestamp, delivery_mode) are the publisher's.
#pragma once

#include "connectors/message.h"

namespace penstock::rabbitmq {

// Stateless; lives for the whole program.
const connectors::WireProfile& native_wire();

}  // namespace penstock::rabbitmq
