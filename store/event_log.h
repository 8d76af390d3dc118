// The log: all events of a store by position. This is what routes follow.
//
// Threads: every call may come from any thread.
// Promise: a page never skips a position that it doesn't say it passed; an event that was once read
// is never followed by one with a lower position.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "store/event_store.h"

namespace penstock::store {

// An event passes when its category and its type are in the lists; an empty list admits all.
struct LogFilter {
  std::vector<std::string> categories;
  std::vector<std::string> types;

  bool admits(const Event& event) const;
  bool admits_all() const { return categories.empty() && types.empty(); }
};

struct LogPage {
  std::shared_ptr<const EventBatch> events;  // ascending positions; backwards: descending
  // Everything up to here was looked at, whether it passed the filter or not: where to go on.
  Position reached;
};

class EventLog {
 public:
  virtual ~EventLog() = default;

  // Events with a position > after. An empty page with reached == after means the head; an empty page
  // that reached further only met events that the filter drops.
  virtual Result<LogPage> read_after(Position after, ReadLimit limit, const LogFilter& filter) = 0;
  // Events with a position < before, descending; reached is the lowest looked at, and `before` when
  // there is nothing below.
  virtual Result<LogPage> read_before(Position before, ReadLimit limit, const LogFilter& filter) = 0;

  // Last position; 0 for an empty store.
  virtual Result<Position> head() = 0;

  // Waits until head() > position, the deadline or the stop, and returns the head then seen. Wakes at
  // once for appends of this process, by an adaptive poll for those of others.
  virtual Result<Position> wait_beyond(Position position, Deadline deadline, std::stop_token stop) = 0;
};

}  // namespace penstock::store
