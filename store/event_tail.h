// The last events that were handed to somebody, and where they stood: what a log that was promoted or
// restored is compared with. Positions are given out again after a failover that lost the end of the log,
// so the number alone proves nothing; the id at it does.
//
// Keeps the last 20,000 (24 bytes each): of a longer tail only those are named. Single-threaded.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "store/gaps.h"

namespace penstock::store {

class EventTail {
 public:
  // One that is there already is left as it is.
  void add(Position position, const EventId& id);
  bool is_empty() const { return events_.empty(); }

  // The id of the event at a position; nullopt when there is none.
  using IdAt = std::function<Result<std::optional<EventId>>(Position)>;
  // Those that are no longer where they were become a gap record of `route`, and are forgotten once it is
  // durable. Answers that gap; nullopt when all stand. A log loses its end, so a few positions are asked
  // for, not all.
  Result<std::optional<GapRecord>> record_lost(std::string_view route, const IdAt& id_at, Gaps& gaps);
  // Those of `ids` from this position on; for one whose copy was compared.
  void forget(Position from, const std::vector<EventId>& ids);

 private:
  struct Entry {
    Position position;
    EventId id;
  };
  std::deque<Entry>::iterator find_from(Position position);
  Result<std::size_t> count_standing(const IdAt& id_at) const;

  std::deque<Entry> events_;  // by position
};

}  // namespace penstock::store
