// The event store as a sink: the ingest end, idempotent by event id. Delivered = committed there.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "connectors/sink.h"
#include "connectors/store/tail_watch.h"
#include "core/log.h"
#include "store/event_log.h"
#include "store/event_store.h"
#include "store/gaps.h"

namespace penstock::connectors {

struct StoreSinkSettings {
  std::string route;                  // whose gap records
  std::size_t held_bytes = 32 << 20;  // events without an outcome; exceeded only by a single one
  Duration append_deadline = std::chrono::seconds(30);
  OnLostTail on_lost_tail = OnLostTail::kStop;
};

// The contracts of the store; all outlive the sink.
struct StoreSinkEnds {
  store::EventStore& events;
  store::EventLog& log;
  store::Gaps& gaps;
};

// `listener` outlives the sink, `words` the store. What is submitted between two flushes is appended
// together, one request an event, in the order of submission; an event whose id is known with the
// same type and bytes counts as delivered.
//
// later_may_pass is kNo: one group is on its way at a time, and the store holds back what comes
// behind a failure. So the first failure ends the session, be it an event's own fault or the store's:
// the rest of the group is reported as it fares, mostly kRetryable (store.held_back), what was only
// collected is taken back, the state is kBroken, and open() goes on once the store answers.
// It remembers the last events that the store acknowledged. When the log is promoted or restored the session
// ends (relay.log_changed), nothing is written to the new log before open() has compared it, and what is
// gone becomes a gap record: relay.lost_tail is then the answer of open() as settings.on_lost_tail says.
// Threads: one of its own, which hands groups to the store, and that of its TailWatch; outcomes come from there or from
// the store's sequencer.
std::unique_ptr<Sink> make_store_sink(const StoreSinkEnds& store, OutcomeListener& listener, Log& words,
                                      StoreSinkSettings settings = {});

}  // namespace penstock::connectors
