// What moving a whole store needs of a backend beside the contracts that everybody uses: rows of the log
// as they are kept, and a way to write them so.
//
// A store that is being filled is closed to all others: from begin() to finish(), also over a crash in
// between, appends answer store.importing (those by SQL functions: SQLSTATE PS006), so does all of Retention that
// changes something, and no lease is given out, so no route and no source runs.
//
// Threads: one at a time; it has a session of its own. Durable when a call returns.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/event.h"
#include "core/source_checkpoints.h"
#include "store/retention.h"

namespace penstock::store {

// A row of the log: an event, or the stub of one that was scavenged. Of a stub only id, stream, category,
// version and position are set.
struct LogRow {
  Event event;
  std::optional<Timestamp> removed_at;
  bool is_stub() const { return removed_at.has_value(); }
};

struct Stub {
  Position position;
  EventId id;
  std::string stream, category;
  Version version;
  Timestamp removed_at;
};

// A stream that is not live, or of which not everything is read, or that has lost all its rows to a drop.
struct RetainedStream {
  std::string name, category;
  StreamRetention retention;
  enum class Rows { kSome, kNone } rows = Rows::kSome;
};

// How far the store is filled.
struct Filling {
  Position head;
  enum class Open { kNo, kYes } open = Open::kNo;  // begun and not finished
};

class Transfer {
 public:
  virtual ~Transfer() = default;

  // The stubs after a position, up to and with another; the caller bounds how many these can be.
  virtual Result<std::vector<Stub>> stubs(Position after, Position until) = 0;
  // By name, those that sort after `after`.
  virtual Result<std::vector<RetainedStream>> retained_streams(std::string_view after, std::size_t limit) = 0;
  // By name, ascending.
  virtual Result<std::vector<std::pair<std::string, SourceCheckpoint>>> source_checkpoints() = 0;

  virtual Result<Filling> filling() = 0;
  // Opens the store for load(). One that is open already is left so. Errors: store.other_events when the
  // head is not `head`, or when rows of the inbox wait for a position; store.in_use while somebody holds a lease, or
  // a transaction that appended by SQL is open.
  virtual Status begin(Position head) = 0;
  // Lets a store that is open for load() and has never had an event begin behind a floor, where the event had this id.
  // Error: store.other_events when it has a head.
  virtual Status begin_behind(Position floor, const EventId& id) = 0;
  // Writes rows behind the head in one transaction, each with all that it has. Errors: store.invalid_request
  // for rows that don't fit the log (see store/load_rules.h), store.other_events when the head moved or
  // another transaction wrote to one of the streams.
  virtual Status load(std::span<const LogRow> rows) = 0;
  // A stream without rows, which goes on behind this version. One that is there is left as it is.
  virtual Status keep_stream(std::string_view name, std::string_view category, Version last) = 0;
  // What is read of a stream and whether it can be written to: replaces what is there. last_version is left as it is.
  virtual Status keep_retention(std::string_view stream, const StreamRetention& retention) = 0;
  // The checkpoint of a route, with the identity of this store. One that stands there already only moves
  // forward. Error: store.invalid_request when another event, or none, stands at the position.
  virtual Status keep_checkpoint(std::string_view route, Position position, const EventId& event) = 0;
  // One that stands there already is replaced.
  virtual Status keep_source_checkpoint(std::string_view source, const SourceCheckpoint& checkpoint) = 0;
  // Opens the store for everybody. No error when it is.
  virtual Status finish() = 0;
};

}  // namespace penstock::store
