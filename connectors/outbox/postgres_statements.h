// The statements that a Postgres outbox is read and settled with, as text. Pure.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "connectors/outbox/low_mark.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/postgres_columns.h"
#include "connectors/outbox/row_mapping.h"
#include "connectors/source.h"

namespace penstock::outbox {

// Columns of the scan's answer; those of the table follow. kXid is 0 without guard "xid".
// kHeldBack: whether a column was too long to come. The lengths are those in the database, which texts in another
// encoding than ours don't have when they are handed over. kIdHash tells rows with one number apart, where there are
// large ones; else it is 0.
enum class ScanColumn { kNumber, kXid, kIdHash, kHeldBack, kPayloadBytes, kOtherBytes };
inline constexpr std::size_t kFirstTableColumn = 6;

// $1, $2: first and last numbers of the ranges, ascending; $3: numbers to leave out; $4: most rows;
// $5: most bytes of one column; $6, $7: rows to leave out, by number and hash of the id;
// $8: how many large rows there are.
//
// Each range is one short walk along the index, which starts behind whatever lies before it. A column
// longer than $5 comes as NULL, with its length counted beside it, so a huge value is never fetched. The exclusion is a
// hashed subplan: it costs the same whatever the planner believes about the table.
std::string scan_statement(const OutboxSettings& settings, const PostgresColumns& table,
                           std::span<const PostgresColumn> columns, const RoleColumns& roles);

// The same for guard "xid": rows behind the place ($1: xid, $2: number) whose transactions, and all before
// them, have ended; $3: most rows; $4: most bytes of one column.
std::string xid_scan_statement(const OutboxSettings& settings, std::span<const PostgresColumn> columns,
                               const RoleColumns& roles);

// Reads nothing, and fails once a column that is read, or that rows are ordered by, has another type than it had when
// the statement was prepared: the others would read it on as what it was.
std::string types_statement(const OutboxSettings& settings, const PostgresColumns& table,
                            std::span<const PostgresColumn> columns);

// Of policy "track". The ids of rows that are not settled, in order, as text. $1: ids to leave out; $2: most rows;
// $3, for kOpenRanges only: the value of the order column to start from.
std::string find_statement(const OutboxSettings& settings, const PostgresColumns& table, Reach reach);

// The highest value of its order column, as text; no row where there is none.
std::string highest_statement(const OutboxSettings& settings, const PostgresColumns& table);

// Rows by their ids. $1: ids; $2: number before that of the first; $3: most bytes of one column. The answer has the
// columns of a scan, and the order of the ids.
std::string fetch_statement(const OutboxSettings& settings, const PostgresColumns& table,
                            std::span<const PostgresColumn> columns, const RoleColumns& roles);

// Remembers ids. $1: ids.
std::string track_statement(const OutboxSettings& settings, const PostgresColumns& table);

// Of the same ids, those of rows that would be read once more.
std::string untracked_statement(const OutboxSettings& settings, const PostgresColumns& table);

// What the policies "delete" and "mark" do with settled rows. $1: numbers; $2: ids, of the type that settled_id_type()
// says.
std::string settle_statement(const OutboxSettings& settings, const PostgresColumns& table, const PostgresColumn& id);

// Of the same rows, the numbers of those that would be read once more.
std::string left_statement(const OutboxSettings& settings, const PostgresColumns& table, const PostgresColumn& id);

// The last number of a sequence; its oid is the parameter.
std::string drawn_statement();

// How the rows get their numbers: Numbering::given of the sequence `order_sequence`, if it may be read, and
// Numbering::row_id of number $1.
std::string numbering_statement(const OutboxSettings& settings, const PostgresColumns& table, const PostgresColumn& id);

// How ids are sent to the settle statement.
enum class SettledIdType { kUuid, kBytes, kText };
SettledIdType settled_id_type(const PostgresColumn& id);

// Which rows are still to be read, as a condition on `row` ("t." or empty); empty = all. A partial index
// with exactly these words serves it.
std::string unread_condition(const OutboxSettings& settings, const PostgresColumns& table, std::string_view row);

// Transactions that hold a row-exclusive lock on the table $1 or one of its partitions, but for ours.
extern const char* const kLockHoldersStatement;
LockHolders holders_in(const store::postgres::Rows& answer);

// The oldest transaction among those of the virtual ids $1: pid (0 = prepared), name, age in seconds (-1 =
// we may not see it), and the server's name for it.
extern const char* const kBlockerStatement;

// The same of those that keep rows of the table above the snapshot's xmin; none where there are no such rows.
std::string xid_blocker_statement(const OutboxSettings& settings);

// Whether there are rows of transactions that the server hasn't come to: they were written elsewhere.
std::string xids_ahead_statement(const OutboxSettings& settings);
std::string statement_that_mends_xids(const OutboxSettings& settings);

// Who keeps the session $1 waiting for a lock, the oldest: as kBlockerStatement.
extern const char* const kLockHolderStatement;

// What one of these three has answered; not empty. An age that we may not see is one of at least no time.
connectors::Blocker blocker_in(const store::postgres::Rows& answer);

// Whether we got the lock of the source's table $1.
extern const char* const kTryLockStatement;

// Frees it.
extern const char* const kUnlockStatement;

// Settings of a session that runs only these statements: their plans must not hang on statistics,
// which are always out of date for a table that is filled and emptied all day.
const std::vector<std::pair<std::string, std::string>>& scan_session_parameters();

}  // namespace penstock::outbox
