// Where events come from: the contract of every source.
//
// One route owns a source, and one thread of the relay makes all its calls, so a source needs no lock
// of its own; calls block, each within its deadline. A source that is closed, or whose session was
// lost, is opened again by the relay, with its back-off; marks then start anew.
//
// The life of an item: read() yields it with its mark; the relay delivers, parks or skips it; once
// everything up to a mark is settled, settle() says so, and the source deletes the rows, or advances
// the checkpoint. Nothing is ever deleted or passed before that. What was read and not settled when
// an opening ends is read again by the next one.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/event.h"
#include "core/lease.h"

namespace penstock::connectors {

// A row that no event can be made of: parked as it is, then settled.
struct MalformedRow {
  std::string source_key;  // order value as text
  std::optional<std::string> key;
  std::string code;     // name out of the table of codes
  std::string reason;   // names table, column and what is wrong; no payload
  std::string content;  // the whole row as JSON {column: text | {"base64": …}}
  enum class Kept { kWhole, kByReference } kept = Kept::kWhole;  // see store/parked_events.h
};

// One item: exactly one of event and malformed is set, or neither: then the mark only says that the
// source looked past events that its filter drops.
struct ReadItem {
  ReadMark mark;
  EventRef event;
  std::unique_ptr<MalformedRow> malformed;
};

struct ReadBatch {
  std::vector<ReadItem> items;  // ascending marks, without a gap
  // When a read is worth its while again; the relay waits until then if the batch was empty.
  // A source that waits inside read() (for a notification, for the head) leaves it at zero.
  Duration idle_for{};
};

struct ReadRoom {
  std::size_t events;
  std::size_t bytes;  // exceeded only by a single event, and only while nothing is in flight
  enum class Window { kEmpty, kInUse } window;
};

struct OpenRequest {
  Lease lease;  // the route's: guarded writes carry it
  // Order values of rows that were parked by reference: they stay in the table and are left out.
  std::vector<std::string> kept_by_reference;
};

// A transaction that may still commit earlier rows, so that a source doesn't pass what it has not seen.
struct Blocker {
  std::int64_t pid = 0;  // 0: a prepared transaction, which no session drives
  std::string application;
  std::chrono::seconds age{};  // of the transaction
  // kAtLeast: our role may not see when it began, so this is since we noticed it.
  enum class Age { kKnown, kAtLeast } age_is = Age::kKnown;
  std::string transaction{};  // the server's name for it, by which it is told from a later one; may be empty
};

// Of the replication slot that a source reads through, as the server said last; looked at every some seconds.
struct SlotFigures {
  std::string wal_status;                  // the server's word: reserved, extended, unreserved, lost
  std::optional<std::int64_t> safe_bytes;  // of log, until the server gives the slot up; empty: it sets no limit
  std::int64_t limit_bytes = 0;            // max_slot_wal_keep_size; below 0: none
  std::int64_t retained_bytes = 0;         // of log that is kept for the slot
  std::optional<Duration>
      heartbeat;  // what the last one took from its statement until it was read, or has taken so far
};

// Figures for status and metrics. Counters since the source was made.
struct SourceFigures {
  std::uint64_t reads = 0;    // round trips that asked for rows
  std::uint64_t rereads = 0;  // rows fetched though they were in flight
  std::uint64_t full_scans = 0;
  std::optional<Position> settled, head;
  std::optional<std::int64_t> lag_events;
  std::optional<Blocker> held_back_by;
  std::optional<SlotFigures> slot;  // while a source from the log is open
};

class Source {
 public:
  virtual ~Source() = default;

  // Connects, takes what guards the table, finds where to go on. Errors: conflict when another relay
  // holds the table (the route stands by), fenced, unauthorized, invalid (the table or a column is
  // not what the configuration says), unavailable, internal (a checkpoint that can't be right).
  virtual Status open(const OpenRequest& request, Deadline deadline, std::stop_token stop) = 0;

  // The next items, as many as there are and there is room for; an empty batch when there are none
  // by the deadline or the stop. Reading goes on while earlier items are in flight. Any error ends
  // the opening.
  virtual Result<ReadBatch> read(const ReadRoom& room, Deadline deadline, std::stop_token stop) = 0;

  // Everything up to `mark` is settled, in one call for many items. Durable when it returns. Any
  // error ends the opening; `in_doubt` and `unavailable` are safe because the next opening looks.
  virtual Status settle(ReadMark mark) = 0;

  // Called about once a second while the source is open and there is nothing else to do (the window
  // is full because a sink is away): a round trip on the session that guards the table, so that the
  // server doesn't end it as idle, and so that its loss is noticed. Any error ends the opening.
  virtual Status keep_alive() { return {}; }

  // Ends the opening and frees what guards the table. Never fails; not settling anything. Called too
  // after an error has ended the opening, and for a source that was never opened.
  virtual void close() = 0;

  // The program ends: from any thread, at any time. A call under way that waits for the other side ends soon, with an
  // error, and so does every later one; what its statement does is then decided by the server. Without it a scan that
  // takes long would keep the program for as long as its deadline.
  virtual void give_up() {}

  virtual SourceFigures figures() const = 0;
};

}  // namespace penstock::connectors
