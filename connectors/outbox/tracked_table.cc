#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

std::string name_of(const OutboxSettings& settings, const TableName& table) {
  return settings.backend == Backend::kSqlite ? quoted_identifier(table.name) : table.quoted();
}

std::string id_of(const OutboxSettings& settings) { return quoted_identifier(*settings.column_of(Role::kId)); }

// SQLite wants a name for every index.
std::string index_name(const OutboxSettings& settings, const std::string& what) {
  return settings.backend == Backend::kSqlite ? quoted_identifier(settings.table.name + "_" + what) + " " : "";
}

}  // namespace

TableName settled_table(const TableName& outbox) { return {outbox.schema, outbox.name + "_settled"}; }

const std::string* tracked_order(const OutboxSettings& settings) {
  if (!settings.order_by.empty()) return &settings.order_by;
  return settings.pointed(Role::kOccurredAt) == nullptr ? settings.column_of(Role::kOccurredAt) : nullptr;
}

std::string create_settled_table_statement(const OutboxSettings& settings, const std::string& id_type) {
  const std::string table = name_of(settings, settled_table(settings.table));
  if (settings.backend == Backend::kSqlite)
    return "CREATE TABLE " + table + " (id " + id_type + (id_type.empty() ? "" : " ") +
           "NOT NULL PRIMARY KEY, settled_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')));";
  return "CREATE TABLE " + table + " AS SELECT " + id_of(settings) + " AS id, now() AS settled_at FROM " +
         settings.table.quoted() + " WITH NO DATA; ALTER TABLE " + table +
         " ADD PRIMARY KEY (id), ALTER settled_at SET NOT NULL, ALTER settled_at SET DEFAULT now();";
}

std::string create_id_index_statement(const OutboxSettings& settings) {
  return "CREATE UNIQUE INDEX " + index_name(settings, "id") + "ON " + name_of(settings, settings.table) + " (" +
         id_of(settings) + ");";
}

std::string create_order_index_statement(const OutboxSettings& settings) {
  return "CREATE INDEX " + index_name(settings, "order") + "ON " + name_of(settings, settings.table) + " (" +
         quoted_identifier(*tracked_order(settings)) + ");";
}

}  // namespace penstock::outbox
