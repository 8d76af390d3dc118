// The event store as a source: a page of the log is a batch, a checkpoint is what settling means.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/source.h"
#include "store/checkpoints.h"
#include "store/event_log.h"
#include "store/gaps.h"

namespace penstock::connectors {

// What to do when the store has lost events that were handed out already. Either way they are named in
// a gap record. kStop: nothing more is read until an operator has acknowledged it.
enum class OnLostTail { kStop, kContinue };

struct StoreSourceSettings {
  std::string route;         // whose checkpoint
  std::string renamed_from;  // carries the checkpoint of that route over, if only it exists
  store::LogFilter filter;
  // For a checkpoint that doesn't exist yet: events after this position; nullopt = after the head.
  std::optional<Position> start_after = Position{0};
  OnLostTail on_lost_tail = OnLostTail::kStop;
};

// `log`, `checkpoints` and `gaps` outlive the source. It asserts what the order of a route stands on, and
// ends the opening with an error of kind internal where it doesn't hold:
//   relay.not_contiguous            a page skipped a position or went back
//   relay.checkpoint_beyond_head    the checkpoint lies ahead of the log
//   relay.checkpoint_mismatch       another event stands at the checkpoint than the one that was settled
// It remembers the last events that it handed out, and compares them with the log whenever it opens
// again, and before it reads on a log that was promoted or restored. Those that are gone are recorded
// as a gap; relay.lost_tail (unavailable) is the answer of each opening while one is to be acknowledged.
// After a restart of the program only the checkpoint can be compared.
// read() waits for the head inside the store, so idle_for is zero but for one case: an event larger
// than the room while others are in flight is kept back and offered again.
// Behind the head it reads one page ahead, on a thread of its own; the page lies outside of the room
// that was given: at most a quarter of the largest one in bytes, and in events beyond 256.
// figures() may ask the store for its head, at most once a second.
std::unique_ptr<Source> make_store_source(StoreSourceSettings settings, store::EventLog& log,
                                          store::Checkpoints& checkpoints, store::Gaps& gaps);

}  // namespace penstock::connectors
