// Settles the rows of an outbox in a SQLite file, and sees to it that they are settled, as postgres_settlement.h does.
//
// Whoever holds a lock of the file is waited for within the opening, for a while. A commit that readers keep waiting is
// taken back every now and then, because it keeps new readers out. Single-threaded.
#pragma once

#include <span>
#include <utility>

#include "connectors/outbox/sqlite_file.h"
#include "connectors/outbox/unsettled_rows.h"

namespace penstock::outbox {

class SqliteSettlement {
 public:
  // For an opening: a statement that takes a row's number and its id.
  void prepare(SqliteStatement settle) { settle_ = std::move(settle); }
  void close() { settle_ = SqliteStatement(); }

  // What the last opening left. Errors: as settle().
  Status catch_up(const SqliteFile& file, const LockPatience& patience);
  // Errors: those of the file.
  Status settle(const SqliteFile& file, std::span<const RowKey> rows, const LockPatience& patience);

 private:
  Status settle_patiently(const SqliteFile& file, std::span<const RowKey> rows, const LockPatience& patience);
  Status settle_once(const SqliteFile& file, std::span<const RowKey> rows, const LockPatience& patience);
  Status settle_rows(std::span<const RowKey> rows);

  SqliteStatement settle_;
  UnsettledRows unsettled_;
};

}  // namespace penstock::outbox
