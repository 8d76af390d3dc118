#include "connectors/outbox/postgres_check.h"

#include "connectors/outbox/postgres_rights.h"
#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

// What is not remembered comes again for ever, and what is remembered by another row's id never comes.
Status check_tracked(const PostgresColumns& columns, const OutboxSettings& settings) {
  const std::string table = "table " + settings.table.to_string();
  const std::string side = settled_table(settings.table).to_string();
  const PostgresColumn* id = columns.find(*settings.column_of(Role::kId));
  if (id == nullptr) return {};  // said with the other columns
  if (!columns.settled_table)
    return fail(codes::kOutboxTableMissing,
                table + ": policy \"track\" remembers settled rows in " + side +
                    ", which is not there: " + create_settled_table_statement(settings, id->type_name));
  if (!columns.settled_table->has_key || columns.settled_table->id_type != id->type_name)
    return fail(codes::kOutboxTableMissing, side + " needs a primary key `id` of type " + id->type_name + ", as `" +
                                                id->name + "` of " + table +
                                                " has it: " + statement_that_mends_settled_table(columns, settings));
  if (!id->not_null)
    return fail(codes::kOutboxRefused,
                table + ": `" + id->name + "` may be NULL, and such a row can't be remembered: ALTER TABLE " +
                    settings.table.quoted() + " ALTER COLUMN " + quoted_identifier(id->name) + " SET NOT NULL;");
  if (!columns.id_is_unique)
    return fail(codes::kOutboxRefused, table + ": policy \"track\" would pass a row that has another one's id, so `" +
                                           id->name + "` must be unique: " + cure_of_repeated_id(columns, settings));
  const std::string* order = tracked_order(settings);
  if (order == nullptr) return {};
  const PostgresColumn* column = columns.find(*order);
  if (column != nullptr && column->may_select && column->type_name != "json") return {};
  return fail(codes::kOutboxOrderMissing,
              table + ": `" + *order + "` is no column that rows can be sorted by: " + "name another one in order_by");
}

// What rows are read by, under the other policies.
Status check_order(const PostgresColumns& columns, const OutboxSettings& settings) {
  const std::string table = "table " + settings.table.to_string();
  const PostgresColumn* order = columns.find(settings.order_by);
  if (order == nullptr)
    return fail(codes::kOutboxOrderMissing,
                table + " has no column `" + settings.order_by +
                    "`: " + statement_that_adds_order_column(Backend::kPostgres, settings.table, settings.order_by));
  if (order->type != ColumnType::kInteger)
    return fail(codes::kOutboxOrderMissing,
                table + ": order_by names `" + settings.order_by + "`, which is " + order->type_name +
                    ", not an integer: name another column, or add one: " +
                    statement_that_adds_order_column(Backend::kPostgres, settings.table,
                                                     name_for_order_column(columns, settings)));
  if (!order->not_null)
    return fail(codes::kOutboxOrderMissing, table + ": `" + settings.order_by +
                                                "` may be NULL, and a row without a number would never be read: " +
                                                "ALTER TABLE " + settings.table.quoted() + " ALTER COLUMN " +
                                                quoted_identifier(settings.order_by) + " SET NOT NULL;");
  return {};
}

// A cursor passes what it doesn't find, so it needs more of the table than the other policies.
Status check_cursor(const PostgresColumns& columns, const OutboxSettings& settings) {
  if (!std::holds_alternative<KeepRows>(settings.policy)) return {};
  const std::string table = "table " + settings.table.to_string();
  if (!columns.order_is_unique)
    return fail(codes::kOutboxOrderMissing,
                table + ": policy \"cursor\" would pass a row that has another one's number, so `" + settings.order_by +
                    "` must be unique: " + cure_of_repeated_order(columns, settings));
  if (const std::string why = why_numbers_are_passed(columns, settings); !why.empty())
    return fail(codes::kOutboxOrderMissing, table + ": " + why + ": " + statement_that_mends_sequence(columns));
  const std::string* xid = xid_column(settings.policy);
  if (xid == nullptr) return {};
  const PostgresColumn* column = columns.find(*xid);
  if (column != nullptr && column->type_name == "xid8" && column->not_null && column->may_select) return {};
  return fail(codes::kOutboxOrderMissing,
              table + ": guard \"xid\" needs `" + *xid +
                  "` to be a readable xid8 that is never NULL: " + statement_that_adds_xid(settings));
}

// The server takes none over partitions but with all that they are made by in it, and makes it while others wait.
std::string unique_over_partitions(const PostgresColumns& columns, const OutboxSettings& settings,
                                   const std::string& column, std::string_view policies) {
  std::string names = quoted_identifier(column);
  for (const std::string& name : columns.partition_key) {
    if (name.empty())
      return "the table is partitioned by an expression, and has no unique index then: take policy " +
             std::string(policies);
    if (name != column) names += ", " + quoted_identifier(name);
  }
  return "CREATE UNIQUE INDEX ON " + settings.table.quoted() + " (" + names + ");";
}

}  // namespace

Status check_postgres_columns(const PostgresColumns& columns, const OutboxSettings& settings) {
  const std::string table = "table " + settings.table.to_string();
  if (columns.table_oid == 0) return fail(codes::kOutboxTableMissing, "there is no " + table);
  if (columns.kind == PostgresColumns::Kind::kOther)
    return fail(codes::kOutboxTableMissing, settings.table.to_string() + " is a view or a foreign table, not a table");
  if (const std::string* mark = settled_column(settings.policy); mark != nullptr && columns.find(*mark) == nullptr)
    return fail(codes::kOutboxTableMissing, table + " has no column `" + *mark + "`, which is to mark settled rows: " +
                                                statement_that_adds_mark(settings));
  if (const auto* mark = std::get_if<MarkRows>(&settings.policy); mark != nullptr && !mark->value) {
    const PostgresColumn& column = *columns.find(mark->column);
    if (column.type != ColumnType::kTime && !is_text(column.type))
      return fail(codes::kOutboxRefused, table + ": column `" + column.name + "` is " + column.type_name +
                                             ", which can't hold the time of settling: name a value for it in `mark`");
  }
  if (!missing_rights(columns, settings).empty())
    return fail(codes::kOutboxUnauthorized,
                words_of_missing_rights(columns, settings) + ": " + grant_statement(columns, settings));

  const bool tracks = std::holds_alternative<TrackRows>(settings.policy);
  if (auto ordered = tracks ? check_tracked(columns, settings) : check_order(columns, settings); !ordered)
    return ordered;
  if (columns.hides_rows)
    return fail(codes::kOutboxUnauthorized,
                words_of_missed_rows(columns, settings) + ": " + statement_that_shows_rows(columns, settings));
  return check_cursor(columns, settings);
}

std::string why_numbers_are_passed(const PostgresColumns& columns, const OutboxSettings& settings) {
  const auto& sequence = columns.order_sequence;
  if (!looks_at_sequence(settings.policy) || !sequence) return {};
  if (sequence->runs == PostgresSequence::Runs::kDown)
    return "sequence " + sequence->name + " gives ever lower numbers, which policy \"cursor\" passes";
  if (sequence->cache <= 1) return {};
  return "sequence " + sequence->name + " hands out " + std::to_string(sequence->cache) +
         " numbers at a time, and policy \"cursor\" passes those that a session uses late";
}

std::string statement_that_mends_sequence(const PostgresColumns& columns) {
  const PostgresSequence& sequence = *columns.order_sequence;
  if (sequence.runs == PostgresSequence::Runs::kDown) return "take policy \"delete\", \"mark\" or \"track\"";
  return "ALTER SEQUENCE " + sequence.name +
         " CACHE 1; -- then let the services connect anew: a session keeps what it has";
}

std::string name_for_order_column(const PostgresColumns& columns, const OutboxSettings& settings) {
  for (const std::string& name : {settings.order_by, std::string("seq"), std::string("outbox_seq")})
    if (columns.find(name) == nullptr) return name;
  return settings.order_by + "_seq";
}

std::string cure_of_repeated_order(const PostgresColumns& columns, const OutboxSettings& settings) {
  if (columns.kind == PostgresColumns::Kind::kPartitioned)
    return unique_over_partitions(columns, settings, settings.order_by, R"("delete", "mark" or "track")");
  return "CREATE UNIQUE INDEX CONCURRENTLY ON " + settings.table.quoted() + " (" +
         quoted_identifier(settings.order_by) + ");";
}

std::string cure_of_repeated_id(const PostgresColumns& columns, const OutboxSettings& settings) {
  if (columns.kind == PostgresColumns::Kind::kPartitioned)
    return unique_over_partitions(columns, settings, *settings.column_of(Role::kId), R"("delete" or "mark")");
  return create_id_index_statement(settings);
}

std::string statement_that_mends_settled_table(const PostgresColumns& columns, const OutboxSettings& settings) {
  const std::string& type = columns.find(*settings.column_of(Role::kId))->type_name;
  const bool has_id = !columns.settled_table->id_type.empty();
  return "ALTER TABLE " + settled_table(settings.table).quoted() +
         (has_id ? " ALTER COLUMN id TYPE " + type + " USING id::" + type : " ADD COLUMN id " + type) +
         (columns.settled_table->has_key ? ";" : ", ADD PRIMARY KEY (id);");
}

}  // namespace penstock::outbox
