// Writing events, and reading streams: the contract of every backend.
//
// Threads: every call may come from any thread. Appends are committed in groups by one sequencer
// (store/append_queue.h); reads use connections of their own and never wait for appends.
// Promise: an append that was answered with a receipt is durable; positions of the store run 1..n
// without a gap, in commit order, whoever appends (this process, a second one, the command line).
// Not promised: that requests of different callers are committed in the order of their calls.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/event.h"
#include "store/event_query.h"

namespace penstock::store {

// What a stream must look like for an append to be taken (truth table: store/append_rules.h).
struct AnyVersion {
  bool operator==(const AnyVersion&) const = default;
};
struct NoStream {
  bool operator==(const NoStream&) const = default;
};
struct StreamExists {
  bool operator==(const StreamExists&) const = default;
};
using ExpectedVersion = std::variant<AnyVersion, NoStream, StreamExists, Version>;

// "any", "none", "exists" or the number.
std::string to_string(const ExpectedVersion& expected);

// What a known event id means. Callers of the API retry with ids, so ids decide and bytes are
// ignored; an ingested row with a known id must also have the same type and bytes.
enum class KnownId { kIdsDecide, kBytesMustMatch };

// What becomes of a request behind one of the same append_many call that failed, for whatever reason.
enum class AfterFailure {
  kTryAnyway,
  // Not written if the failed one is of its stream, and perhaps not if it is of another: fails with
  // store.held_back, so that nothing of a stream overtakes what its caller has to send again.
  kHoldBack,
};

// What a stream must look like, besides the stream of a request's first event: one that the request also
// writes to, or one that it only looks at. AnyVersion asks for nothing and is refused.
struct StreamCheck {
  std::string stream;
  ExpectedVersion expected;
};

// No event that matches may have a position beyond `after`: what a decision was taken on still holds. A
// query without items asks that no event came at all.
struct AppendCondition {
  EventQuery query;
  Position after;
};

// Events for one stream or several, all or nothing, in this order. Events of a stream carry one category.
struct AppendRequest {
  ExpectedVersion expected = AnyVersion{};  // of the stream of the first event
  std::vector<EventRef> events;
  KnownId known_id = KnownId::kIdsDecide;
  AfterFailure after_failure = AfterFailure::kTryAnyway;
  std::vector<StreamCheck> checks = {};
  std::optional<AppendCondition> condition = std::nullopt;
  // Of the log that the caller goes by (EventLog::generation): where it is another one by now, the answer is
  // store.fenced and nothing is written, so that the caller compares first what it was told before. Without
  // it the store remembers what was acknowledged, and names what a failover lost (store/gaps.h, kClients).
  std::optional<std::uint64_t> generation = std::nullopt;

  std::size_t size_bytes() const;
  // Every stream that it writes to or checks, each once; that of the first event first.
  std::vector<std::string_view> streams() const;
};

struct StreamReceipt {
  std::string stream;
  Version first_version, last_version;
};

// Where the events are: of a retry, where they were put the first time.
struct AppendReceipt {
  Version first_version, last_version;  // in the stream of the first event
  Position first_position, last_position;
  enum class Origin { kWritten, kKnown } origin = Origin::kWritten;
  std::vector<StreamReceipt> further_streams = {};  // in the order of their first events
};

// Called once for each request, from the sequencer's thread or, for a request that is refused at
// once, from the caller's. Must be quick and must not append.
using AppendDone = std::function<void(Result<AppendReceipt>)>;

enum class Direction { kForward, kBackward };

// Bounds of one page. A limit of no events is refused: store.invalid_request.
struct ReadLimit {
  std::size_t events = 500;
  std::size_t bytes = 4 << 20;  // of Event::size_bytes(); exceeded only by a single event
};

Status check_limit(const ReadLimit& limit);

// kDeleted: nothing is read any more, and whoever writes revives it with the next version. kTombstoned:
// for ever. See store/retention.h.
enum class StreamState { kLive, kDeleted, kTombstoned };

struct StreamPage {
  std::shared_ptr<const EventBatch> events;  // in the order of the direction
  std::optional<Version> last_version;       // of the stream; nullopt when there is no such stream
  std::optional<Version> next;               // where to go on; nullopt at the end
  StreamState state = StreamState::kLive;
};

struct StreamSummary {
  std::string name, category;
  Version last_version;
  StreamState state = StreamState::kLive;
};

// Which streams a page lists. Names are compared by their bytes.
struct StreamQuery {
  std::string_view after;   // only names that sort after this one
  std::string_view prefix;  // only names that begin with this
  std::size_t limit = 500;
};

// Ends the range of names that begin with `prefix`: no such name sorts after it.
std::string last_name_with(std::string_view prefix);

// Events that were scavenged are not counted, streams that were removed are.
struct StoreCounts {
  std::uint64_t streams = 0, events = 0;
  std::uint64_t waiting = 0;  // written by SQL, without a position yet; counted up to kWaitingCounted
};
inline constexpr std::uint64_t kWaitingCounted = 100'000;

// How many events of one type there are in one category.
struct KindCount {
  std::string category, type;
  std::uint64_t events = 0;
  bool operator==(const KindCount&) const = default;
};

// Largest sizes that an append may have. Checked whole before a request is queued.
struct AppendLimits {
  std::size_t event_bytes = 1 << 20;  // data
  std::size_t batch_events = 1'000;
  std::size_t batch_bytes = 4 << 20;
  std::size_t stream_bytes = 1'024;
  std::size_t type_bytes = 255;  // and category
  std::size_t metadata_bytes = 64 << 10;
};

// Of one request; not configurable.
inline constexpr std::size_t kRequestStreams = 256;  // written to or checked
inline constexpr std::size_t kQueryItems = 100;
inline constexpr std::size_t kQueryWords = 1'000;  // in all items together

// Errors of the reads: those of every call (store/store.h), and what stands beside them.
class EventStore {
 public:
  virtual ~EventStore() = default;

  // Queues the request and returns. Errors, handed to `done`: store.wrong_expected_version (names every
  // stream that is not as expected, and the failed condition if there is one), store.condition_failed,
  // store.id_reused, store.partly_known, store.category_mismatch (conflict; see store/append_rules.h);
  // store.limit_exceeded, store.invalid_request, store.reserved_name (invalid); store.queue_full
  // (throttled); store.stream_locked (throttled) when somebody's transaction held the stream until the
  // deadline; store.unavailable; core.timeout when the deadline passed before the request was
  // tried; store.in_doubt when it may or may not have been committed (sending the same ids again is
  // safe); store.fenced; store.stream_deleted; store.held_back (see AfterFailure); store.importing while an
  // archive is brought in; store.disk_full; in SQLite store.busy when another program holds the file.
  virtual void append(AppendRequest request, Deadline deadline, AppendDone done) = 0;

  // The same for many requests that arrive together: they are queued in their order, with nothing
  // of this caller in between. done is called with the index of each. See AfterFailure for
  // requests that must not overtake each other.
  virtual void append_many(std::vector<AppendRequest> requests, Deadline deadline,
                           std::function<void(std::size_t index, Result<AppendReceipt>)> done) = 0;

  // Waits for the answer.
  Result<AppendReceipt> append_and_wait(AppendRequest request, Deadline deadline);

  // What can still be read of a stream, from version `from` (inclusive; nullopt = its first, or its last for
  // kBackward). An unknown stream is an empty page without last_version, not an error.
  virtual Result<StreamPage> read_stream(std::string_view stream, std::optional<Version> from, Direction direction,
                                         ReadLimit limit) = 0;
  // All events with this id, by position; usually one.
  virtual Result<std::shared_ptr<const EventBatch>> find(const EventId& id) = 0;
  // The event with this id in this stream; null when there is none.
  virtual Result<EventRef> find_in(std::string_view stream, const EventId& id) = 0;
  // By name, ascending.
  virtual Result<std::vector<StreamSummary>> streams(const StreamQuery& query) = 0;
  virtual Result<StoreCounts> counts() = 0;
  // By category, then type. Counted up to some position at or after the head at the time of the call.
  // What was counted once is kept, so that only newer events are looked at; error core.timeout when
  // there are too many of these for one call: the next one goes on where it stopped.
  virtual Result<std::vector<KindCount>> kinds() = 0;
};

// The checks that need no database: UTF-8, NUL, limits, reserved names, metadata as a JSON object,
// one category a stream, no id twice, each stream checked once. AppendQueue calls it before it queues.
Status check_append(const AppendRequest& request, const AppendLimits& limits);

}  // namespace penstock::store
