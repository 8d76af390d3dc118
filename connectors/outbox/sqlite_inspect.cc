#include <algorithm>

#include "connectors/outbox/inspection.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/sqlite_columns.h"
#include "connectors/outbox/sqlite_rebuild.h"
#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

std::string create_table_statement(const OutboxSettings& settings) {
  std::string text = "CREATE TABLE " + quoted_identifier(settings.table.name) + " (" +
                     quoted_identifier(settings.order_by.empty() ? "seq" : settings.order_by) +
                     " INTEGER PRIMARY KEY AUTOINCREMENT";
  for (const Role role : kRoles) {
    const std::string* column = settings.column_of(role);
    if (column == nullptr || *column == settings.order_by) continue;
    const bool nullable = role == Role::kPayload || !is_required(role, settings.null_key);
    text += ", " + quoted_identifier(*column) + (nullable ? " TEXT" : " TEXT NOT NULL");
  }
  return text + ");";
}

// A name for the column to order by: the configured one where it is free or is the table's rowid already.
std::string name_for_order_column(const SqliteColumns& table, const OutboxSettings& settings) {
  if (table.find(settings.order_by) == nullptr || table.is_rowid(settings.order_by)) return settings.order_by;
  return table.find("seq") == nullptr ? "seq" : settings.order_by + "_seq";
}

void inspect_order(const SqliteColumns& table, const OutboxSettings& settings, Inspection& inspection) {
  const std::string order = name_for_order_column(table, settings);
  const std::string anew = rebuild_statement(table, settings.table, order);
  if (const std::string why = table.why_not_ordered_by(settings.order_by); !why.empty()) {
    inspection.error(order == settings.order_by ? why : why + "; add one, and set order_by = \"" + order + "\"", anew);
    return;
  }
  const bool rowid = table.is_rowid(settings.order_by);
  if (!rowid && std::ranges::count(table.unique_columns, settings.order_by) == 0)
    inspection.error("column `" + settings.order_by + "` is not unique" +
                         (std::ranges::count(table.indexed_columns, settings.order_by) == 0 ? " and has no index" : ""),
                     "CREATE UNIQUE INDEX " + quoted_identifier(settings.table.name + "_order") + " ON " +
                         quoted_identifier(settings.table.name) + " (" + quoted_identifier(settings.order_by) + ");");
  if (rowid && !table.has_autoincrement)
    inspection.warn("`" + settings.order_by +
                        "` has no AUTOINCREMENT: SQLite gives the number of a deleted row to a "
                        "new one, so an order value does not name one row for ever",
                    anew);
}

void inspect_tracking(const SqliteColumns& table, const OutboxSettings& settings, Inspection& inspection) {
  const SqliteColumns::Column* id = table.find(*settings.column_of(Role::kId));
  if (id == nullptr) return;  // found already
  if (!table.has_settled_table)
    inspection.error(
        "there is no table " + settled_table(settings.table).name + ", in which settled rows are remembered",
        create_settled_table_statement(settings, id->declared_type));
  if (!table.is_rowid(id->name) && std::ranges::count(table.unique_columns, id->name) == 0)
    inspection.error("column `" + id->name + "` is not unique, and rows are told apart by it",
                     create_id_index_statement(settings));
  const std::string order = settings.order_by.empty() ? "rowid" : settings.order_by;
  if (const std::string why = table.why_not_ordered_by(order); !why.empty())
    inspection.error(why + " to order by", "order_by = \"rowid\" in the configuration, for a table that has one");
}

void inspect_mark(const SqliteColumns& table, const OutboxSettings& settings, Inspection& inspection) {
  const std::string* mark = settled_column(settings.policy);
  if (mark == nullptr) return;
  if (table.find(*mark) == nullptr) {
    inspection.error("there is no column `" + *mark + "` to mark settled rows in", statement_that_adds_mark(settings));
    return;
  }
  const bool served = std::ranges::any_of(table.partial_indexes,
                                          [&](const std::string& sql) { return sql.find(*mark) != std::string::npos; });
  if (!served)
    inspection.warn("no index leads past the rows that are marked: each poll reads all of them",
                    "CREATE INDEX " + quoted_identifier(settings.table.name + "_unread") + " ON " +
                        quoted_identifier(settings.table.name) + " (" + quoted_identifier(settings.order_by) +
                        ") WHERE " + unread_condition(settings, "") + ";");
}

}  // namespace

std::vector<connectors::Finding> inspect_sqlite(const OutboxSettings& settings, Deadline deadline) {
  Inspection inspection("outbox table " + settings.table.name + " of " + settings.sqlite_path);
  const auto file = SqliteFile::open(settings.sqlite_path, {deadline});
  if (!file) {
    inspection.error(file.error().message(), "sqlite3 '" + settings.sqlite_path + "'");
    return std::move(inspection).findings();
  }
  const auto table = load_sqlite_columns(*file, settings.table);
  if (!table) {
    inspection.error(table.error().message(), std::string(table.error().code().hint));
    return std::move(inspection).findings();
  }
  if (table->columns.empty()) {
    inspection.error("there is no such table", create_table_statement(settings));
    return std::move(inspection).findings();
  }
  for (const Role role : kRoles)
    if (const std::string* name = settings.column_of(role); name != nullptr && table->find(*name) == nullptr)
      inspection.error("there is no column `" + *name + "`, which is mapped to " + std::string(to_string(role)),
                       "ALTER TABLE " + quoted_identifier(settings.table.name) + " ADD COLUMN " +
                           quoted_identifier(*name) + " TEXT;");
  if (std::holds_alternative<TrackRows>(settings.policy))
    inspect_tracking(*table, settings, inspection);
  else
    inspect_order(*table, settings, inspection);
  inspect_mark(*table, settings, inspection);
  // Settling needs the right to write; asked of the file itself, and given back at once.
  if (auto writable = file->execute("BEGIN IMMEDIATE; ROLLBACK"); !writable)
    inspection.error(writable.error().message(), "chmod u+w '" + settings.sqlite_path + "' and its folder");
  inspection.ok_if_no_error("reached, " + std::to_string(table->columns.size()) + " columns");
  return std::move(inspection).findings();
}

}  // namespace penstock::outbox
