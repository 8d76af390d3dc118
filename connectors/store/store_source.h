// The event store as a source: a page of the log is a batch, a checkpoint is what settling means.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/source.h"
#include "connectors/store/tail_watch.h"
#include "core/log.h"
#include "store/checkpoints.h"
#include "store/event_log.h"
#include "store/gaps.h"

namespace penstock::connectors {

struct StoreSourceSettings {
  std::string route;         // whose checkpoint
  std::string renamed_from;  // carries the checkpoint of that route over, if only it exists
  store::LogFilter filter;
  // For a checkpoint that doesn't exist yet: events after this position; nullopt = after the head.
  std::optional<Position> start_after = Position{0};
  OnLostTail on_lost_tail = OnLostTail::kStop;
};

// What is handed in outlives the source. It asserts what the order of a route stands on, and
// ends the opening with an error of kind internal where it doesn't hold:
//   relay.not_contiguous            a page skipped a position or went back
//   relay.checkpoint_beyond_head    the checkpoint lies ahead of the log
//   relay.checkpoint_mismatch       another event stands at the checkpoint than the one that was settled
// It remembers the last events that it handed out, and compares them with the log whenever it opens
// again, and before it reads on a log that was promoted or restored (connectors/store/tail_watch.h). Those
// that are gone are recorded as a gap; relay.lost_tail (unavailable) is the answer of each opening while one
// is to be acknowledged.
// After a restart of the program, or when another instance drove the route in between, only the checkpoint
// can be compared: where the store has changed since it was written, one warning says that what was handed
// out beyond it is not known.
// A log whose beginning was dropped: `start` at the earliest event begins at the floor, with one warning;
// a start or checkpoint below it is store.removed, unless a gap record says what this route loses by it and an
// operator has acknowledged that: then the route goes on at the floor.
// read() waits for the head inside the store, so idle_for is zero but for one case: an event larger
// than the room while others are in flight is kept back and offered again.
// Behind the head it reads one page ahead, on a thread of its own; the page lies outside of the room
// that was given: at most a quarter of the largest one in bytes, and in events beyond 256.
// figures() may ask the store for its head, at most once a second.
std::unique_ptr<Source> make_store_source(StoreSourceSettings settings, store::EventLog& log,
                                          store::Checkpoints& checkpoints, store::Gaps& gaps, Log& words);

}  // namespace penstock::connectors
