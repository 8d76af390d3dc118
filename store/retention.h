// Taking events away: whole streams, old versions, and the space that they fill.
//
// What is taken away is no longer read in its stream from that moment on. In the log it stays until it
// is scavenged: then a stub keeps its position, stream, category, version and id, everything else is
// gone, and readers pass over it. Positions and versions never change, and an id stays known.
//
// Whole ranges at the beginning of the log can be dropped: nothing of them is kept but the number of the last
// position and its id, the floor. The log then begins behind it, streams begin with the first version that is
// left and go on with the next one as ever. Ids that went are forgotten: a retry with one is a new event.
//
// Threads: any. Each call is one short transaction; those that change something: store.importing during an import.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "store/event_store.h"

namespace penstock::store {

// kDeleted: can be written to again, and goes on with the next version. kTombstoned: for ever.
enum class Removal { kDelete, kTombstone };

// nullopt: without such a limit.
struct StreamLimits {
  std::optional<std::uint64_t> max_count;            // only the last so many events; at least 1
  std::optional<std::chrono::microseconds> max_age;  // only events recorded since; by the database's clock
  bool operator==(const StreamLimits&) const = default;
};

// What is to be read of a stream.
struct StreamRetention {
  StreamState state = StreamState::kLive;
  Version last_version;
  Version truncate_before{0};  // versions below are not read
  StreamLimits limits;

  // The first version that truncation and the limit of the count leave; that of the age not considered.
  Version first_readable() const;
};

struct Scavenged {
  std::uint64_t events = 0;  // that became stubs
  enum class Left { kNothing, kMore } left = Left::kNothing;
};

// How far the log was dropped. Its rows go after its floor was raised, so that a drop that was cut off is gone on with.
struct DroppedRange {
  Position floor;  // positions up to here are not read any more; 0: the log has its beginning
  Position gone;   // their rows are gone up to here
  bool is_whole() const { return gone == floor; }
};

class Retention {
 public:
  virtual ~Retention() = default;

  // nullopt for a stream that never existed.
  virtual Result<std::optional<StreamRetention>> find(std::string_view stream) = 0;

  // Errors: store.no_such_stream, store.stream_deleted, store.wrong_expected_version (see judge_removal);
  // store.stream_locked, in SQLite store.busy, while another transaction holds the stream.
  virtual Status remove(std::string_view stream, Removal removal, const ExpectedVersion& expected) = 0;
  // Versions below `before` are not read any more; a lower one than before changes nothing. Errors:
  // store.no_such_stream; store.invalid_request beyond the version after the last.
  virtual Status truncate(std::string_view stream, Version before) = 0;
  // Replaces both limits. Errors: store.no_such_stream; store.invalid_request for limits that are not positive.
  virtual Status set_limits(std::string_view stream, const StreamLimits& limits) = 0;

  // Makes stubs of events that are no longer read, about `most` of them. A stream that others hold is
  // left for the next call.
  virtual Result<Scavenged> scavenge(std::size_t most) = 0;

  virtual Result<DroppedRange> dropped() = 0;
  // Positions up to `floor` are not read any more; a lower one than before changes nothing. Errors:
  // store.invalid_request beyond the head; store.still_needed when the checkpoint of a route that `past` doesn't
  // name lies below. store/dropping.h puts on record first what routes lose by it.
  virtual Status raise_floor(Position floor, std::span<const std::string> past) = 0;
  // Takes away rows up to the floor, about `most` of them, and answers how many of these were events and no
  // stubs.
  virtual Result<Scavenged> drop(std::size_t most) = 0;
};

// What removing means for a stream as it is found; the rule of every backend. An equal state is kept.
//                    any   exact = last   exact other   StreamExists   NoStream
//   live             ok    ok             conflict      ok             conflict
//   deleted          ok    ok             conflict      deleted        ok
//   tombstoned       delete: store.stream_deleted; tombstone: ok
Result<StreamRetention> judge_removal(std::string_view stream, const std::optional<StreamRetention>& found,
                                      Removal removal, const ExpectedVersion& expected);
Result<StreamRetention> judge_truncation(std::string_view stream, const std::optional<StreamRetention>& found,
                                         Version before);
Result<StreamRetention> judge_limits(std::string_view stream, const std::optional<StreamRetention>& found,
                                     const StreamLimits& limits);

// A log and the routes that have not settled all below a position, for judge_floor.
struct FloorFacts {
  Position head, floor;
  std::vector<std::pair<std::string, Position>> behind;  // routes, with their checkpoints
};
// The rule of every backend: see raise_floor().
enum class FloorStep { kRaise, kStandsThere };
Result<FloorStep> judge_floor(Position floor, const FloorFacts& facts, std::span<const std::string> past);

// "live", "deleted" or "tombstoned", as the databases keep it.
std::string_view to_string(StreamState state);
StreamState parse_stream_state(std::string_view word);  // an unknown one is tombstoned: nothing may be written

}  // namespace penstock::store
