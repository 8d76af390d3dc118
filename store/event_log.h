// The log: all events of a store by position. This is what routes follow.
//
// Threads: every call may come from any thread.
// Promise: a page never skips a position that it doesn't say it passed; an event that was once read
// is never followed by one with a lower position.
// Below the floor nothing is read: store.removed answers what would have to pass it.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "store/event_store.h"

namespace penstock::store {

// A top-level member of the metadata, and the text that it must have: a string's own characters, any
// other value as it is written.
struct MetadataMember {
  std::string name, text;
};

// An event passes when every part admits it; an empty part admits all.
struct LogFilter {
  std::vector<std::string> categories;   // one of these
  std::vector<std::string> types;        // one of these
  std::string stream_prefix;             // the name of its stream begins with this
  std::vector<std::string> tags;         // each of these (store/event_tags.h)
  std::vector<MetadataMember> metadata;  // each of these

  bool admits(const Event& event) const;
  bool admits_all() const {
    return categories.empty() && types.empty() && stream_prefix.empty() && tags.empty() && metadata.empty();
  }
};

struct LogPage {
  std::shared_ptr<const EventBatch> events;  // ascending positions; backwards: descending
  // Everything up to here was looked at, whether it passed the filter or not: where to go on.
  Position reached;
  // How many positions in between hold no event any more, only its stub. Not told for a page with a
  // filter: 0.
  std::uint64_t removed = 0;
};

// store.removed, for a read that can't begin where it was asked to.
Error removed_below(Position floor);

// Errors of the reads: store.removed below the floor; relay.log_changed where the log became another one
// while it was read (generation()); those of every call (store/store.h).
class EventLog {
 public:
  virtual ~EventLog() = default;

  // Events with a position > after. An empty page with reached == after means the head; an empty page
  // that reached further only met events that the filter drops.
  virtual Result<LogPage> read_after(Position after, ReadLimit limit, const LogFilter& filter) = 0;
  // Events with a position < before, descending; reached is the lowest looked at, and `before` when
  // there is nothing below, which is also the case right above the floor.
  virtual Result<LogPage> read_before(Position before, ReadLimit limit, const LogFilter& filter) = 0;

  // The first event that was recorded at `time` or later; the last one that was recorded before it.
  // nullopt when there is none. recorded_at never decreases, so a few events are looked at, not all.
  virtual Result<std::optional<Position>> first_since(Timestamp time) = 0;
  virtual Result<std::optional<Position>> last_before(Timestamp time) = 0;

  // The id of the event at this position, also of one that was scavenged, and of the one at the floor; nullopt
  // when there is none.
  virtual Result<std::optional<EventId>> event_id_at(Position position) = 0;

  // Raised when this program finds that the log is another one than before, because its database was
  // promoted or restored: what was read before may be gone, and its positions given to other events.
  virtual std::uint64_t generation() = 0;

  // Last position; 0 for an empty store.
  virtual Result<Position> head() = 0;
  // Positions up to here were dropped (store/retention.h); 0 for a log that has its beginning.
  virtual Result<Position> floor() = 0;

  // Waits until head() > position, the deadline or the stop, and returns the head then seen. Wakes at
  // once for appends of this process, by an adaptive poll for those of others.
  virtual Result<Position> wait_beyond(Position position, Deadline deadline, std::stop_token stop) = 0;
};

}  // namespace penstock::store
