// The event store as a sink: the ingest end, idempotent by event id. Delivered = committed there.
#pragma once

#include <cstddef>
#include <memory>

#include "connectors/sink.h"
#include "store/event_store.h"

namespace penstock::connectors {

struct StoreSinkSettings {
  std::size_t held_bytes = 32 << 20;  // events without an outcome; exceeded only by a single one
  Duration append_deadline = std::chrono::seconds(30);
};

// `events` and `listener` outlive the sink. What is submitted between two flushes is appended
// together, one request an event, in the order of submission; an event whose id is known with the
// same type and bytes counts as delivered.
//
// later_may_pass is kNo: one group is on its way at a time, and the store holds back what comes
// behind a failure. So the first failure ends the session, be it an event's own fault or the store's:
// the rest of the group is reported as it fares, mostly kRetryable (store.held_back), what was only
// collected is taken back, the state is kBroken, and open() goes on once the store answers.
// Threads: one of its own, which hands groups to the store; outcomes come from there or from the
// store's sequencer.
std::unique_ptr<Sink> make_store_sink(store::EventStore& events, OutcomeListener& listener,
                                      StoreSinkSettings settings = {});

}  // namespace penstock::connectors
