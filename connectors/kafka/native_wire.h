// The native wire form on Kafka: what docs/wire.md says, made of an event.
#pragma once

#include "connectors/message.h"

namespace penstock::kafka {

// Stateless; lives for the whole program.
const connectors::WireProfile& native_wire();

}  // namespace penstock::kafka
