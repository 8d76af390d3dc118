#include "connectors/outbox/sqlite_columns.h"

#include <algorithm>
#include <cctype>

#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

std::string upper(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

// Runs a query with the table's name as ?1 and hands each row to `take`.
template <typename Take>
Status each_row(const SqliteFile& file, const std::string& sql, const std::string& name, Take take) {
  auto statement = file.prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  statement->bind(1, std::string_view(name));
  for (;;) {
    const auto step = statement->step();
    if (!step) return fail(step.error());
    if (*step == SqliteStatement::Step::kDone) return {};
    take(*statement);
  }
}

}  // namespace

const SqliteColumns::Column* SqliteColumns::find(std::string_view name) const {
  const auto found = std::ranges::find(columns, name, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

// sqlite.org/lang_createtable.html, "ROWIDs and the INTEGER PRIMARY KEY".
bool SqliteColumns::is_rowid(const std::string& name) const {
  if (!has_rowid) return false;
  if (name == rowid_column) return true;
  const std::string word = upper(name);
  return find(name) == nullptr && (word == "ROWID" || word == "OID" || word == "_ROWID_");
}

std::string SqliteColumns::why_not_ordered_by(const std::string& name) const {
  if (is_rowid(name)) return {};
  const Column* column = find(name);
  if (column == nullptr) return "there is no column `" + name + "`";
  if (upper(column->declared_type).find("INT") == std::string::npos)
    return "column `" + name + "` is declared " +
           (column->declared_type.empty() ? "without a type" : column->declared_type) + ", not INTEGER";
  if (!column->not_null) return "column `" + name + "` may be NULL, and a row without a number would never be read";
  return {};
}

Result<SqliteColumns> load_sqlite_columns(const SqliteFile& file, const TableName& table) {
  SqliteColumns found;
  std::vector<std::string> key;
  auto status =
      each_row(file, "SELECT name, type, \"notnull\", pk, hidden > 1 FROM pragma_table_xinfo(?1) WHERE hidden <> 1",
               table.name, [&](const SqliteStatement& row) {
                 const bool in_key = row.integer(3) > 0;
                 found.columns.push_back({std::string(row.text(0)), std::string(row.text(1)), row.integer(2) != 0,
                                          in_key, row.integer(4) != 0});
                 if (in_key) key.push_back(found.columns.back().name);
               });
  if (!status) return fail(std::move(status.error()));
  status = each_row(file, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE", table.name,
                    [&](const SqliteStatement& row) {
                      found.statement = row.text(0);
                      const std::string sql = upper(found.statement);
                      found.has_rowid = sql.find("WITHOUT ROWID") == std::string::npos;
                      found.has_autoincrement = sql.find("AUTOINCREMENT") != std::string::npos;
                    });
  if (!status) return fail(std::move(status.error()));
  if (key.size() == 1) {
    found.unique_columns.push_back(key.front());
    found.indexed_columns.push_back(key.front());
    if (found.has_rowid && upper(found.find(key.front())->declared_type) == "INTEGER") found.rowid_column = key.front();
  }
  status = each_row(file,
                    "SELECT l.\"unique\" AND NOT l.partial AND (SELECT count(*) FROM pragma_index_info(l.name)) = 1,"
                    " i.name FROM pragma_index_list(?1) l, pragma_index_info(l.name) i WHERE i.seqno = 0"
                    " AND i.name IS NOT NULL AND NOT l.partial",
                    table.name, [&](const SqliteStatement& row) {
                      found.indexed_columns.emplace_back(row.text(1));
                      if (row.integer(0) != 0) found.unique_columns.emplace_back(row.text(1));
                    });
  if (!status) return fail(std::move(status.error()));
  status = each_row(file, "SELECT 1 FROM pragma_table_xinfo(?1) WHERE name = 'id' AND pk = 1",
                    settled_table(table).name, [&](const SqliteStatement&) { found.has_settled_table = true; });
  if (!status) return fail(std::move(status.error()));
  status = each_row(file,
                    "SELECT m.sql FROM pragma_index_list(?1) l JOIN sqlite_master m ON m.type = 'index'"
                    " AND m.name = l.name WHERE l.partial AND m.sql IS NOT NULL",
                    table.name, [&](const SqliteStatement& row) { found.partial_indexes.emplace_back(row.text(0)); });
  if (!status) return fail(std::move(status.error()));
  status = each_row(file,
                    "SELECT sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND tbl_name = ?1 COLLATE NOCASE"
                    " AND sql IS NOT NULL",
                    table.name, [&](const SqliteStatement& row) { found.belongings.emplace_back(row.text(0)); });
  if (!status) return fail(std::move(status.error()));
  status = each_row(file,
                    "SELECT 1 FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'"
                    " AND f.\"table\" = ?1 COLLATE NOCASE AND f.\"to\" IS NULL",
                    table.name, [&](const SqliteStatement&) { found.is_referenced_by_key = true; });
  if (!status) return fail(std::move(status.error()));
  return found;
}

std::string unread_condition(const OutboxSettings& settings, std::string_view row) {
  if (std::holds_alternative<TrackRows>(settings.policy))
    return "NOT EXISTS (SELECT 1 FROM main." + quoted_identifier(settled_table(settings.table).name) +
           " AS s WHERE s.id = " + std::string(row) + quoted_identifier(*settings.column_of(Role::kId)) + ")";
  const auto* mark = std::get_if<MarkRows>(&settings.policy);
  if (mark == nullptr) return {};
  const std::string column = std::string(row) + quoted_identifier(mark->column);
  return mark->value ? column + " IS NOT " + quoted_text(*mark->value) : column + " IS NULL";
}

std::string why_not_tracked(const SqliteColumns& columns, const OutboxSettings& settings) {
  const std::string& name = *settings.column_of(Role::kId);
  const SqliteColumns::Column* id = columns.find(name);
  if (id == nullptr) return {};  // said with the other columns
  const std::string side = settled_table(settings.table).name;
  if (!columns.has_settled_table)
    return "policy \"track\" remembers settled rows in " + side +
           ", which is not there: " + create_settled_table_statement(settings, id->declared_type);
  if (!columns.is_rowid(name) && std::ranges::count(columns.unique_columns, name) == 0)
    return "policy \"track\" would pass a row that has another one's id, so `" + name +
           "` must be unique: " + create_id_index_statement(settings);
  return {};
}

std::string quoted_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out += '\'';
}

RowShape shape_of(const SqliteColumns& columns, const OutboxSettings& settings) {
  RowShape shape;
  shape.order_column = settings.order_by;
  for (const auto& column : columns.columns) {
    const std::string* settled = settled_column(settings.policy);
    const bool ignored =
        std::ranges::count(settings.ignore, column.name) > 0 || (settled != nullptr && *settled == column.name);
    if (settings.is_mapped(column.name) || (!ignored && column.name != settings.order_by))
      shape.columns.push_back({column.name, ColumnType::kDynamic});
  }
  return shape;
}

}  // namespace penstock::outbox
