// Members of an event's metadata that travel by themselves in every native wire form: traceparent,
// tracestate, correlation-id, causation-id. Everything else only by `headers` of the route.
#pragma once

#include "connectors/message.h"

namespace penstock::connectors {

// Adds a header for each of them that the event's metadata has, but for one that the route names itself.
void carry_metadata(const Event& event, MessageBuilder& builder);

}  // namespace penstock::connectors
