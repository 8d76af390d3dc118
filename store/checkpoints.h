// How far each route has come: durable, monotone, fenced.
//
// Threads: any. A checkpoint names the last position below which everything is settled, and beside
// it the identity of the database that gave the position, so that a failover which lost its tail or
// a wrong database is noticed instead of skipped over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "store/leases.h"

namespace penstock::store {

// Which database handed out the positions. Empty strings and 0 where a backend has no such thing.
struct StoreIdentity {
  std::string system_identifier;
  std::int64_t timeline = 0;
  std::int64_t incarnation = 0;  // raised on restore or promotion
  bool operator==(const StoreIdentity&) const = default;
};

struct Checkpoint {
  Position position;
  EventId event_id;  // of the event at that position; nil at position 0
  StoreIdentity identity;
  // Told by load(): whether the store was promoted or restored since.
  enum class Store { kSame, kChanged } store = Store::kSame;
};

// What an advance `from` → `to` means for a route whose stored position is `stored`; the rule of every
// backend. An equal `to` is the answer to an advance in doubt. Error: store.corrupt, see advance().
enum class CheckpointStep { kMove, kStandsThere };
Result<CheckpointStep> judge_advance(std::string_view route, std::optional<Position> stored, Position from,
                                     Position to);

// Up to where everything is settled, the event that was settled there, where there was one, and the log that its
// caller goes by (EventLog::generation): a database that lost its tail gives the same position to another event.
struct Settled {
  Settled(Position position_in, std::optional<EventId> event_in = std::nullopt)
      : position(position_in), event(event_in) {}
  Position position;
  std::optional<EventId> event;
  std::optional<std::uint64_t> generation = std::nullopt;
};

// store.removed, for a checkpoint that can't be compared with its event any more.
Error no_checkpoint_below(Position floor, Position position);

// `found` is the event at the position, `generation` the log that it is of. Errors: store.fenced when that is another
// log, store.corrupt when it is another event.
Status check_settled(std::string_view route, const Settled& settled, const EventId& found, std::uint64_t generation);

class Checkpoints {
 public:
  virtual ~Checkpoints() = default;

  // nullopt for a route that never had one.
  virtual Result<std::optional<Checkpoint>> load(std::string_view route) = 0;

  // Creates the first checkpoint of a route, under its lease; one that exists is left as it is and
  // returned. Errors: store.fenced; store.corrupt when `start` is beyond the head; store.removed when
  // the event there was dropped; store.unavailable.
  virtual Result<Checkpoint> create(const Lease& lease, std::string_view route, Position start) = 0;

  // Compare-and-set: `from` → `to`, only forward, only under the lease; the event id at `to` and the
  // identity are looked up by the store in the same transaction. Errors: store.fenced when the lease
  // is lost, or the log is another one than `to` goes by; store.corrupt when the stored position is
  // neither `from` nor `to`, when `to` is below `from`, or when the store has no event at `to`, or
  // another one; store.removed when the event there was dropped; store.unavailable; store.in_doubt.
  virtual Status advance(const Lease& lease, std::string_view route, Position from, const Settled& to) = 0;

  // Carries the checkpoint of `old_route` and its gap records over to `route` if only the old checkpoint
  // exists; else nothing happens. Errors: store.fenced, store.unavailable, store.in_doubt.
  virtual Status rename(const Lease& lease, std::string_view old_route, std::string_view route) = 0;

  // By name of the route, ascending.
  virtual Result<std::vector<std::pair<std::string, Checkpoint>>> list() = 0;
};

}  // namespace penstock::store
