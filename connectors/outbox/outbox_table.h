// The outbox table in one kind of database, behind what the source needs of it. Internal to this
// folder; implemented for Postgres and for SQLite.
//
// An opened table holds the right to be the only relay on it. Any error ends the opening: the table
// must then be closed and opened again. Threads: one at a time.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include "connectors/kind.h"
#include "connectors/outbox/low_mark.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/row_mapping.h"
#include "connectors/outbox/row_shape.h"
#include "connectors/outbox/row_size.h"
#include "connectors/outbox/rows_in_flight.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/event.h"

namespace penstock::outbox {

// How much one scan may bring.
struct ScanRoom {
  std::size_t rows;
  std::size_t bytes;
  // Whether the first row is brought though it alone exceeds `bytes`.
  enum class FirstRow { kMustFit, kAlways } first_row;
};

// A row counts so many bytes beside those of its columns.
inline constexpr std::size_t kRowOverhead = 512;

// How the rows of a table get their numbers, as far as its database tells.
struct Numbering {
  std::optional<std::int64_t> given;  // by the order column's sequence: none that is higher
  std::optional<std::string> row_id;  // of the row that was asked for, as text, or its bytes; nullopt: it is gone
  // By the sequence, as long as it has given none at all; where that may be asked.
  std::optional<std::int64_t> gives_first;
  std::optional<std::int64_t> next_xid;  // no transaction that has ended has this one or a higher one; of guard "xid"
};

struct Scanned {
  ScanEnd end;
  // The highest number that is known to have been drawn before the scan, if its plan asked and the database tells.
  std::optional<std::int64_t> drawn_before;
  Reach reach = Reach::kOpenRanges;  // how far it looked; a plan for the whole table may have to wait
  Numbering numbering{};             // after the scan, which no TRUNCATE comes between; empty unless its plan asked
  Duration waited{};                 // for others that use the same session, so that it says nothing about the table
};

// Takes what a scan finds, in ascending order.
class RowReceiver {
 public:
  virtual ~RowReceiver() = default;
  virtual void whole_row(const Row& row) = 0;
  // Too large to be fetched: `row` has no cells. `key` is the aggregate id, if it is short.
  virtual void large_row(const Row& row, const RowSize& size, std::optional<std::string_view> key) = 0;
};

class SourceSessions;

class OutboxTable {
 public:
  virtual ~OutboxTable() = default;

  // Connects, looks at the table's columns, takes the lock. Errors: outbox.locked (conflict) when
  // another relay has it; outbox.table_missing, outbox.order_missing (invalid); outbox.unauthorized;
  // outbox.unavailable.
  virtual Status open(Deadline deadline, std::stop_token stop) = 0;
  virtual void close() = 0;

  // While open.
  virtual const RowShape& shape() const = 0;
  virtual MarkMoves mark_moves() const = 0;

  // Runs one plan in one snapshot. The cells' bytes are owned or adopted by `builder`. While it waits for a lock of the
  // whole database, the stop of the look before it ends it: cut short, and without a row.
  virtual Result<Scanned> scan(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                               RowReceiver& receiver) = 0;

  virtual Result<Numbering> numbering(std::optional<std::int64_t>) { return Numbering{}; }
  virtual Result<LockHolders> lock_holders() = 0;

  // What gave the numbers: another identity means that they may name something else.
  struct Identity {
    std::string system_identifier;
    std::int64_t timeline = 0;
  };
  virtual Identity identity() const = 0;

  // The oldest of the transactions that a source waits for: of `awaited`, or, with guard "xid", of those that
  // keep rows above the snapshot's xmin. nullopt where there is none, or the database can't have one.
  virtual Result<std::optional<connectors::Blocker>> blocker(const LockHolders& awaited) = 0;

  // Does with the rows what the policy says (not for KeepRows), durable when it returns: always with those that were
  // found first. Rows that are gone, or have another id, are no error.
  virtual Status settle(std::span<const RowKey> rows) = 0;

  // Before each scan of a read: whether it is worth its while; kUnknown where the database can't tell cheaply, kNone
  // when it is stopped.
  enum class News { kNone, kUnknown };
  virtual Result<News> look_for_news(std::stop_token stop) = 0;

  // Waits for a notification, if the table listens. kNo: it doesn't listen, and returned at once.
  enum class Waited { kNo, kUntilDeadline, kUntilNotified };
  virtual Result<Waited> wait_for_notification(Deadline deadline, std::stop_token stop) = 0;

  // From any thread: see Source::give_up().
  virtual void give_up() {}

  // Makes a round trip if there was none for a while, so that the server keeps the session.
  virtual Status stay_awake() = 0;
};

// What `penstock validate` finds; read-only. Both connect on their own and take no lock.
std::vector<connectors::Finding> inspect_postgres(const OutboxSettings& settings, Deadline deadline);
std::vector<connectors::Finding> inspect_sqlite(const OutboxSettings& settings, Deadline deadline);

// `sessions`: null for a session of its own; otherwise it outlives the table.
std::unique_ptr<OutboxTable> make_postgres_table(const OutboxSettings& settings,
                                                 const connectors::Surroundings& surroundings,
                                                 SourceSessions* sessions = nullptr);
// `patience`: so long the service may hold a lock of the file before that ends the opening.
std::unique_ptr<OutboxTable> make_sqlite_table(const OutboxSettings& settings,
                                               Duration patience = std::chrono::seconds(15));

}  // namespace penstock::outbox
