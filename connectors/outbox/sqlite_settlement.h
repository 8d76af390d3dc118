// Settles the rows of an outbox in a SQLite file, and sees to it that they are settled, as postgres_settlement.h does.
//
// Whoever holds a lock of the file is waited for within the opening, for a while. A commit that readers keep waiting is
// taken back every now and then, because it keeps new readers out. Single-threaded.
#pragma once

#include <span>
#include <string>

#include "connectors/outbox/kept_rows.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/sqlite_file.h"
#include "connectors/outbox/unsettled_rows.h"

namespace penstock::outbox {

class SqliteSettlement {
 public:
  // It outlives this.
  explicit SqliteSettlement(const OutboxSettings& settings) : settings_(settings) {}

  // For an opening. Both take a row's number and its id; `left` answers with a row if it would be read once more.
  void prepare(SqliteStatement settle, SqliteStatement left);
  void close();

  // What the last opening left. Errors: as settle().
  Status catch_up(const SqliteFile& file, const LockPatience& patience);
  // Errors: those of the file; outbox.refused when it keeps rows as they were without an error (a trigger).
  Status settle(const SqliteFile& file, std::span<const RowKey> rows, const LockPatience& patience);

 private:
  Status settle_patiently(const SqliteFile& file, std::span<const RowKey> rows, const LockPatience& patience);
  Status settle_once(const SqliteFile& file, std::span<const RowKey> rows, const LockPatience& patience);
  Result<KeptRows> settle_rows(std::span<const RowKey> rows);
  Status check_kept(const SqliteFile& file, const KeptRows& kept) const;

  const OutboxSettings& settings_;
  SqliteStatement settle_, left_;
  UnsettledRows unsettled_;
};

}  // namespace penstock::outbox
