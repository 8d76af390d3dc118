// The event store as a sink: the ingest end, idempotent by event id. Delivered = committed there.
#pragma once

#include <memory>

#include "connectors/sink.h"
#include "store/event_store.h"

namespace penstock::connectors {

// `events` and `listener` outlive the sink. What is submitted between two flushes is appended
// together; an event whose id is known with the same type and bytes counts as delivered.
std::unique_ptr<Sink> make_store_sink(store::EventStore& events, OutcomeListener& listener);

}  // namespace penstock::connectors
