// Takes the rows out of the answer to a scan of Postgres, within bounds in bytes: how many rows are asked
// for, how long a column may be to be fetched, which row is too large to be fetched at all. Touches no
// session. Single-threaded.
//
// A row that was found too large stays in the table, parked by reference, and its number may come to name another row
// (numbers start again). So such a row is left out by number and id, once it was seen in this opening; and a few of
// them are looked at again by each scan of the whole table, because a row may have been made shorter.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/postgres_columns.h"
#include "connectors/outbox/postgres_parameters.h"
#include "connectors/outbox/row_mapping.h"
#include "store/postgres/session.h"

namespace penstock::outbox {

// Bounds an answer in bytes: so many rows, times the columns that may be long, times the longest of them that is let
// through. Grows at once when a longer value has to be fetched, shrinks slowly. Bytes of the database's encoding: what
// is handed over has at most three times as many.
class FetchLimit {
 public:
  explicit FetchLimit(std::size_t largest);

  // For the answers to come: how many of their columns may be long.
  void expect(std::size_t long_columns) { long_columns_ = long_columns; }

  FetchBounds bounds(const ScanRoom& room) const;
  void let_through(std::size_t bytes);
  void scanned();

 private:
  const std::size_t largest_;
  std::size_t long_columns_ = 1;
  std::size_t column_bytes_;
  int scans_since_ = 0;
};

class PostgresIntake {
 public:
  explicit PostgresIntake(std::size_t event_bytes);

  // For the answers to come: their columns, in this order behind those of ScanColumn.
  void expect(std::vector<PostgresColumn> columns, const RoleColumns& roles);
  const std::vector<PostgresColumn>& columns() const { return columns_; }

  FetchLimit& limit() { return limit_; }

  // What a scan leaves out, so that it costs nothing.
  const LargeRows& large_rows() const { return large_rows_; }
  // The next scan, of at most so many rows, is to find some of them.
  void look_again(std::size_t most_rows);

  struct Asked {
    FetchBounds bounds;
    std::span<const std::int64_t> kept;  // numbers of large rows that are parked, ascending
  };
  // Hands over what there is room for, of the answer to a scan that was asked so. nullopt: nothing was taken, because
  // the first row has a column that is longer than what was let through, and the limit has grown; or because all rows
  // are large ones that are parked, which are left out from now on: ask again. Error:
  // internal, when the answer is not in order.
  Result<std::optional<ScanEnd>> take_rows(const store::postgres::Rows& rows, const Asked& asked, const ScanRoom& room,
                                           RowReceiver& receiver);

 private:
  // How one row of an answer came.
  enum class Verdict { kWhole, kTooLarge, kHeldBack };
  struct Measured {
    Verdict verdict;
    RowSize size;
    std::size_t bytes;           // that the row counts
    std::size_t longest_column;  // in the database, at most
  };
  Measured measure(const store::postgres::Rows& rows, std::size_t row) const;
  void take_large_row(const XidPlace& place, const RowSize& size, RowReceiver& receiver);
  Cell cell_of(const store::postgres::Rows& rows, std::size_t row, std::size_t column) const;

  const std::size_t event_bytes_;
  std::vector<PostgresColumn> columns_;
  RoleColumns roles_;
  FetchLimit limit_;
  LargeRows large_rows_;
  std::int64_t looked_again_to_ = kLowestNumber;
  std::vector<Cell> cells_;
};

}  // namespace penstock::outbox
