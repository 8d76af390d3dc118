// What a table in a SQLite file looks like, out of its catalogue.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/row_shape.h"
#include "connectors/outbox/sqlite_file.h"
#include "core/error.h"

namespace penstock::outbox {

struct SqliteColumns {
  struct Column {
    std::string name, declared_type;
    bool not_null = false;
    bool in_primary_key = false;
    bool is_generated = false;
  };
  std::vector<Column> columns;  // empty = no such table
  bool has_rowid = true;
  bool has_autoincrement = false;
  std::string rowid_column;                  // the INTEGER PRIMARY KEY, if there is one
  std::vector<std::string> unique_columns;   // that have a unique index of their own
  std::vector<std::string> indexed_columns;  // that an index starts with
  std::vector<std::string> partial_indexes;  // their statements
  std::string statement;                     // that created the table
  std::vector<std::string> belongings;       // statements of its indexes and triggers
  bool is_referenced_by_key = false;         // a foreign key leads to its primary key, whichever that is
  bool has_settled_table = false;            // that of policy "track", with its key

  const Column* find(std::string_view name) const;
  // Whether rows can be ordered by it: an integer, never NULL. Says what is missing, or nothing.
  std::string why_not_ordered_by(const std::string& name) const;
  bool is_rowid(const std::string& name) const;
  // Whether a new row always has a higher number than every row before it.
  bool numbers_ascend(const std::string& name) const { return has_autoincrement && name == rowid_column; }
};

// Error as of the file.
Result<SqliteColumns> load_sqlite_columns(const SqliteFile& file, const TableName& table);

// What stands before the name of a column: SQLite takes a bare name in double quotes that it doesn't know, as after a
// RENAME COLUMN, for a text.
inline constexpr std::string_view kOutboxRow = "t.";

// Which rows are still to be read, as a condition; empty = all. `row`: kOutboxRow, or nothing for the partial index
// that serves it.
std::string unread_condition(const OutboxSettings& settings, std::string_view row);

// What policy "track" lacks, and the statement that gives it; empty where it lacks nothing.
std::string why_not_tracked(const SqliteColumns& columns, const OutboxSettings& settings);

// As an SQL literal.
std::string quoted_text(std::string_view text);

// The columns that a poll asks for: those that are mapped, and all others that are not ignored.
RowShape shape_of(const SqliteColumns& columns, const OutboxSettings& settings);

}  // namespace penstock::outbox
