#include "connectors/outbox/postgres_rights.h"

#include <algorithm>

#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

void add(std::string& rights, const std::string& right) { rights += (rights.empty() ? "" : ", ") + right; }

std::string on_column(const std::string& right, const std::string& column) {
  return right + " on column `" + column + "`";
}

// Of each column that a poll names.
void add_missing_columns(const PostgresColumns& columns, const OutboxSettings& settings, std::string& missing) {
  std::vector<std::string> named;
  for (const PostgresColumn& column : columns_to_read(columns, settings)) named.push_back(column.name);
  if (!settings.order_by.empty()) named.push_back(settings.order_by);
  if (const std::string* mark = settled_column(settings.policy)) named.push_back(*mark);
  if (const std::string* xid = xid_column(settings.policy)) named.push_back(*xid);
  std::ranges::sort(named);
  named.erase(std::unique(named.begin(), named.end()), named.end());
  for (const std::string& name : named)
    if (const PostgresColumn* column = columns.find(name); column != nullptr && !column->may_select)
      add(missing, on_column("SELECT", name));
}

}  // namespace

std::string missing_rights(const PostgresColumns& columns, const OutboxSettings& settings) {
  std::string missing;
  const std::string on_table = " on table " + settings.table.to_string();
  if (!columns.may_use_schema) add(missing, "USAGE on schema " + settings.table.schema);
  if (!columns.may_select)
    add(missing, "SELECT" + on_table);
  else
    add_missing_columns(columns, settings, missing);
  if (std::holds_alternative<DeleteRows>(settings.policy) && !columns.may_delete) add(missing, "DELETE" + on_table);
  if (const std::string* mark = settled_column(settings.policy))
    if (const PostgresColumn* column = columns.find(*mark); column != nullptr && !column->may_update)
      add(missing, on_column("UPDATE", *mark));
  const auto& sequence = columns.order_sequence;
  if (looks_at_sequence(settings.policy) && sequence && !sequence->may_read)
    add(missing, "SELECT on sequence " + sequence->name);
  const auto& side = columns.settled_table;
  if (!std::holds_alternative<TrackRows>(settings.policy) || !side || side->id_type.empty()) return missing;
  const std::string on_side = " on table " + settled_table(settings.table).to_string();
  if (!side->may_select) add(missing, "SELECT" + on_side);
  if (!side->may_insert) add(missing, "INSERT" + on_side);
  return missing;
}

std::string words_of_missing_rights(const PostgresColumns& columns, const OutboxSettings& settings) {
  return "role " + columns.role + " lacks " + missing_rights(columns, settings) + ", which policy \"" +
         std::string(to_string(settings.policy)) + "\" needs";
}

std::string grant_statement(const PostgresColumns& columns, const OutboxSettings& settings) {
  std::string text;
  if (!columns.may_use_schema)
    text = "GRANT USAGE ON SCHEMA " + quoted_identifier(settings.table.schema) + " TO " + columns.role + "; ";
  const std::string* mark = settled_column(settings.policy);
  std::string rights = "SELECT";
  if (mark != nullptr) rights += ", UPDATE (" + quoted_identifier(*mark) + ")";
  if (std::holds_alternative<DeleteRows>(settings.policy)) rights += ", DELETE";
  text += "GRANT " + rights + " ON " + settings.table.quoted() + " TO " + columns.role + ";";
  if (looks_at_sequence(settings.policy) && columns.order_sequence)
    text += " GRANT SELECT ON SEQUENCE " + columns.order_sequence->name + " TO " + columns.role + ";";
  if (std::holds_alternative<TrackRows>(settings.policy))
    text += " GRANT SELECT, INSERT ON " + settled_table(settings.table).quoted() + " TO " + columns.role + ";";
  return text;
}

std::string words_of_hidden_rows(const PostgresColumns& columns, const OutboxSettings& settings) {
  return "row level security of table " + settings.table.to_string() + " may hide rows from role " + columns.role;
}

std::string words_of_missed_rows(const PostgresColumns& columns, const OutboxSettings& settings) {
  const bool passes = std::holds_alternative<KeepRows>(settings.policy);
  return words_of_hidden_rows(columns, settings) +
         (passes ? ", and policy \"cursor\" would pass them" : ", and they would not be delivered");
}

std::string statement_that_shows_rows(const PostgresColumns& columns, const OutboxSettings& settings) {
  return "CREATE POLICY penstock ON " + settings.table.quoted() + " TO " + columns.role + " USING (true);";
}

}  // namespace penstock::outbox
