// What a table in a Postgres database looks like, out of its catalogue, and how each column is asked
// for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/row_shape.h"
#include "store/postgres/session.h"

namespace penstock::outbox {

// One column of a poll.
struct PostgresColumn {
  std::string name;
  std::string type_name;  // as the server writes it, for messages
  std::string type_id;    // in the catalogue: another type has another one
  ColumnType type = ColumnType::kText;
  // Has another type as soon as the column has one that its values can't be read as, or longer values than are fetched
  // without a look at their length.
  std::string typed;
  std::string expression;  // what is selected, quoted: its binary form is text, bytea, int8, uuid or a time
  // kNone: never longer than a few hundred bytes, so nobody has to look before it is fetched.
  enum class Guard { kNone, kByLength } guard = Guard::kByLength;
  bool not_null = false;
  bool may_select = false, may_update = false;
};

struct PostgresSequence {
  std::int64_t oid = 0;
  std::string name;  // quoted
  std::int64_t cache = 1;
  enum class Runs { kUp, kDown } runs = Runs::kUp;
  bool may_read = false;    // the last number that it gave
  bool may_select = false;  // also what it gives first

  // Whether it says which numbers were drawn.
  bool tells_last() const { return runs == Runs::kUp && may_read; }
};

// The table beside it, of policy "track".
struct PostgresSettledTable {
  std::string id_type;  // as the server writes it; empty: no column `id`
  bool has_key = false;
  bool may_select = false, may_insert = false;
};

struct PostgresColumns {
  std::int64_t table_oid = 0;  // 0 = no such table
  enum class Kind { kTable, kPartitioned, kOther } kind = Kind::kTable;
  std::vector<std::string> partition_key;  // also of its partitions; an expression has an empty name
  // kEmpty: an UNLOGGED table.
  enum class AfterCrash { kWhole, kEmpty } after_crash = AfterCrash::kWhole;
  bool may_use_schema = false, may_select = false, may_delete = false;
  std::string role;  // we are
  std::vector<PostgresColumn> columns;
  RowShape::Texts texts = RowShape::Texts::kUtf8;
  // Of the order column.
  bool order_is_unique = false, order_is_indexed = false;
  std::vector<std::string> order_index_predicates;  // of partial indexes that start with it, as the server writes them
  std::optional<PostgresSequence> order_sequence;
  bool id_is_unique = false, id_is_indexed = false;
  // Of policy "track".
  std::optional<PostgresSettledTable> settled_table;
  // Whether row level security may keep rows from the role.
  bool hides_rows = false;
  // What may undo a settlement without an error: row triggers before it and rules instead of it, quoted, with commas.
  std::string before_delete, before_update;

  const PostgresColumn* find(std::string_view name) const;
};

// A few small queries in one round trip or two. A missing table is an answer, not an error.
Result<PostgresColumns> load_postgres_columns(store::postgres::Session& session, const OutboxSettings& settings,
                                              Deadline deadline, std::stop_token stop);

// Whether row level security may keep rows from the role; the oid of the table is its parameter.
extern const char* const kHidesRowsStatement;

// Whether indexes that start with a column lead to every row, and whether one of them is unique; the oid of the table
// and the name of the column are its parameters.
extern const char* const kIndexesStatement;

// The columns that a poll asks for: those that are mapped, and all others that are not ignored.
std::vector<PostgresColumn> columns_to_read(const PostgresColumns& columns, const OutboxSettings& settings);

}  // namespace penstock::outbox
