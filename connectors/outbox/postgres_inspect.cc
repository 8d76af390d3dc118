#include <algorithm>

#include "connectors/outbox/connection_fix.h"
#include "connectors/outbox/inspection.h"
#include "connectors/outbox/outbox_errors.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/postgres_check.h"
#include "connectors/outbox/postgres_columns.h"
#include "connectors/outbox/postgres_rights.h"
#include "connectors/outbox/postgres_statements.h"
#include "connectors/outbox/tracked_table.h"
#include "store/postgres/session.h"

namespace penstock::outbox {
namespace {

using store::postgres::Session;
using store::postgres::SessionSettings;

// The type that a column of this role is best given.
std::string_view best_type(Role role) {
  switch (role) {
    case Role::kId: return "uuid NOT NULL DEFAULT gen_random_uuid()";
    case Role::kAggregateType:
    case Role::kAggregateId:
    case Role::kType: return "varchar(255) NOT NULL";
    case Role::kPayload:
    case Role::kHeaders: return "jsonb";
    case Role::kOccurredAt: return "timestamptz NOT NULL DEFAULT now()";
    case Role::kContentType: return "varchar(255)";
    case Role::kHeaderNames:
    case Role::kHeaderValues: return "text[]";
  }
  return "text";
}

std::string create_table_statement(const OutboxSettings& settings) {
  const std::string number = settings.order_by.empty() ? "seq" : settings.order_by;
  std::string text = "CREATE TABLE " + settings.table.quoted() + " (" + quoted_identifier(number) +
                     " bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY";
  std::vector<std::string> named = {number};
  for (const Role role : kRoles) {
    const std::string* column = settings.column_of(role);
    if (column == nullptr || std::ranges::count(named, *column) > 0) continue;
    named.push_back(*column);
    text += ", " + quoted_identifier(*column) + " " +
            std::string(settings.pointed(role) != nullptr ? "jsonb NOT NULL" : best_type(role));
  }
  if (const auto* mark = std::get_if<MarkRows>(&settings.policy))
    text += ", " + quoted_identifier(mark->column) + (mark->value ? " text" : " timestamptz");
  return text + ");";
}

// Empty when the schema is there: IF NOT EXISTS would ask for the right to make schemas all the same.
std::string create_schema_statement(Session& session, const OutboxSettings& settings, Deadline deadline) {
  const auto known = session.execute(
      "SELECT FROM pg_catalog.pg_namespace WHERE nspname = " + store::postgres::quote_literal(settings.table.schema),
      deadline);
  return known && known->empty() ? "CREATE SCHEMA " + quoted_identifier(settings.table.schema) + "; " : "";
}

// Why values of this type can never make what the role needs; empty when they can.
std::string why_unfit(const PostgresColumn& column, Role role, const OutboxSettings& settings) {
  const bool text = is_text(column.type);
  if (settings.pointed(role) != nullptr)
    return text || column.type == ColumnType::kJson ? "" : "can't hold JSON to look into";
  switch (role) {
    case Role::kId:
      if (settings.id_kind == IdKind::kAny || text || column.type == ColumnType::kUuid ||
          column.type == ColumnType::kBytes)
        return {};
      return "can't hold UUIDs";
    case Role::kOccurredAt:
      if (text || column.type == ColumnType::kTime || column.type == ColumnType::kInteger) return {};
      return "holds no times";
    case Role::kHeaders: return text || column.type == ColumnType::kJson ? "" : "can't hold a JSON object";
    case Role::kHeaderNames:
    case Role::kHeaderValues: return text || column.type == ColumnType::kJson ? "" : "can't hold a list of texts";
    case Role::kAggregateType:
    case Role::kAggregateId:
    case Role::kType:
    case Role::kPayload:
    case Role::kContentType: return {};
  }
  return {};
}

// No ALTER … TYPE: the values would have to be made first.
std::string cure_of_unfit(Role role, const OutboxSettings& settings) {
  if (settings.pointed(role) == nullptr && role == Role::kId) return "id_kind = \"any\" in the configuration";
  std::string type = "jsonb";
  if (settings.pointed(role) == nullptr && role == Role::kOccurredAt) type = "timestamptz";
  if (role == Role::kHeaderNames || role == Role::kHeaderValues) type = "text[]";
  return "Map " + std::string(to_string(role)) + " to a column of type " + type + " in [source.columns].";
}

void inspect_roles(const PostgresColumns& table, const OutboxSettings& settings, Inspection& inspection) {
  for (const Role role : kRoles) {
    const std::string* name = settings.column_of(role);
    if (name == nullptr) continue;
    const std::string alter = "ALTER TABLE " + settings.table.quoted();
    const PostgresColumn* column = table.find(*name);
    if (column == nullptr) {
      inspection.error("there is no column `" + *name + "`, which is mapped to " + std::string(to_string(role)),
                       alter + " ADD COLUMN " + quoted_identifier(*name) + " " +
                           std::string(settings.pointed(role) != nullptr ? "jsonb" : best_type(role)) + ";");
      continue;
    }
    if (const std::string why = why_unfit(*column, role, settings); !why.empty())
      inspection.error("column `" + *name + "`, mapped to " + std::string(to_string(role)) + ", is " +
                           column->type_name + ", which " + why,
                       cure_of_unfit(role, settings));
    const bool null_allowed =
        settings.pointed(role) != nullptr || (role == Role::kAggregateId && settings.null_key == NullKey::kAllow);
    if (!column->not_null && !null_allowed &&
        (role == Role::kId || role == Role::kAggregateType || role == Role::kAggregateId || role == Role::kType))
      inspection.warn("column `" + *name + "` may be NULL: such rows would be parked",
                      alter + " ALTER COLUMN " + quoted_identifier(*name) + " SET NOT NULL;");
  }
}

void inspect_order(const PostgresColumns& table, const OutboxSettings& settings, Inspection& inspection) {
  const std::string order = quoted_identifier(settings.order_by);
  const std::string alter = "ALTER TABLE " + settings.table.quoted();
  const PostgresColumn* column = table.find(settings.order_by);
  if (column == nullptr || column->type != ColumnType::kInteger) {
    const std::string added = name_for_order_column(table, settings);
    inspection.error(column == nullptr ? "there is no column `" + settings.order_by + "` to order by"
                                       : "column `" + settings.order_by + "` is " + column->type_name +
                                             ", not an integer; add one, and set order_by = \"" + added + "\"",
                     statement_that_adds_order_column(Backend::kPostgres, settings.table, added));
    return;
  }
  if (!column->not_null)
    inspection.error("column `" + settings.order_by + "` may be NULL: such rows would never be read",
                     alter + " ALTER COLUMN " + order + " SET NOT NULL;");
  if (!table.order_is_unique)
    inspection.error("column `" + settings.order_by + "` is not unique" +
                         (table.order_is_indexed ? "" : " and has no index: every poll would read the whole table"),
                     cure_of_repeated_order(table, settings));
  if (const std::string why = why_numbers_are_passed(table, settings); !why.empty())
    inspection.error(why, statement_that_mends_sequence(table));
  else if (looks_at_sequence(settings.policy) && !table.order_sequence)
    inspection.warn("the numbers of `" + settings.order_by +
                        "` are of no sequence: where they don't ascend with the commits of their writers, policy "
                        "\"cursor\" passes rows",
                    "policy = \"track\", \"mark\" or \"delete\", if services make them");
  else if (table.order_sequence && table.order_sequence->cache > 1)
    inspection.warn("sequence " + table.order_sequence->name + " hands out " +
                        std::to_string(table.order_sequence->cache) +
                        " numbers at a time: rows of one session may be read before older ones of another",
                    "ALTER SEQUENCE " + table.order_sequence->name + " CACHE 1;");
}

void inspect_tracking(const PostgresColumns& table, const OutboxSettings& settings, Inspection& inspection) {
  const PostgresColumn* id = table.find(*settings.column_of(Role::kId));
  if (id == nullptr) return;  // found already
  const std::string alter = "ALTER TABLE " + settings.table.quoted();
  const std::string side = settled_table(settings.table).to_string();
  if (!table.settled_table)
    inspection.error("there is no table " + side + ", in which settled rows are remembered",
                     create_settled_table_statement(settings, id->type_name) + " " + grant_statement(table, settings));
  else if (!table.settled_table->has_key || table.settled_table->id_type != id->type_name)
    inspection.error(side + " has no primary key `id` of type " + id->type_name,
                     statement_that_mends_settled_table(table, settings));
  if (!id->not_null)
    inspection.error("column `" + id->name + "` may be NULL: such rows can't be remembered",
                     alter + " ALTER COLUMN " + quoted_identifier(id->name) + " SET NOT NULL;");
  if (!table.id_is_unique)
    inspection.error("column `" + id->name + "` is not unique, and rows are told apart by it",
                     cure_of_repeated_id(table, settings));
  const std::string* order = tracked_order(settings);
  if (order == nullptr)
    inspection.warn(
        "no column says which of two rows comes first: each poll reads the whole table, and rows that it "
        "finds together come as they lie there; map occurred_at, or set order_by = \"created_at\" for this",
        alter + " ADD COLUMN created_at timestamptz NOT NULL DEFAULT clock_timestamp(); CREATE INDEX ON " +
            settings.table.quoted() + " (created_at);");
  else if (table.find(*order) == nullptr)
    inspection.error(
        "there is no column `" + *order + "` to order by",
        alter + " ADD COLUMN " + quoted_identifier(*order) + " timestamptz NOT NULL DEFAULT clock_timestamp();");
  else if (!table.order_is_indexed)
    inspection.warn("column `" + *order + "` has no index: every poll reads the whole table",
                    create_order_index_statement(settings));
}

void inspect_rights(const PostgresColumns& table, const OutboxSettings& settings, Inspection& inspection) {
  if (missing_rights(table, settings).empty()) return;
  inspection.error(words_of_missing_rights(table, settings), grant_statement(table, settings));
}

void inspect_hindrances(const PostgresColumns& table, const OutboxSettings& settings, Inspection& inspection) {
  if (table.hides_rows)
    inspection.error(words_of_missed_rows(table, settings), statement_that_shows_rows(table, settings));
  const bool marks = settled_column(settings.policy) != nullptr;
  const bool deletes = std::holds_alternative<DeleteRows>(settings.policy);
  const std::string& names = marks ? table.before_update : table.before_delete;
  if (names.empty() || (!marks && !deletes)) return;
  inspection.warn(names + " may keep a row as it was though policy \"" + std::string(to_string(settings.policy)) +
                      "\" settled it: the source would stop there",
                  "See that the trigger or rule lets role " + table.role + (marks ? " mark" : " delete") + " rows.");
}

void inspect_mark(const PostgresColumns& table, const OutboxSettings& settings, Inspection& inspection) {
  const std::string* mark = settled_column(settings.policy);
  if (mark == nullptr) return;
  if (table.find(*mark) == nullptr) {
    inspection.error("there is no column `" + *mark + "` to mark settled rows in", statement_that_adds_mark(settings));
    return;
  }
  // The server writes the condition of an index in its own way, which is never shorter than ours.
  const auto& value = std::get<MarkRows>(settings.policy).value;
  const std::string compared = value ? " IS DISTINCT FROM " : " IS NULL";
  const bool served = std::ranges::any_of(table.order_index_predicates, [&](const std::string& predicate) {
    return predicate.find(*mark) != std::string::npos && predicate.find(compared) != std::string::npos &&
           (!value || predicate.find(*value) != std::string::npos);
  });
  if (!served)
    inspection.warn(
        "no index leads past the rows that are marked: each opening, and a poll every few seconds, reads "
        "all of them",
        "CREATE INDEX CONCURRENTLY ON " + settings.table.quoted() + " (" + quoted_identifier(settings.order_by) +
            ") WHERE " + unread_condition(settings, table, "") + ";");
}

}  // namespace

std::vector<connectors::Finding> inspect_postgres(const OutboxSettings& settings, Deadline deadline) {
  Inspection inspection("outbox table " + settings.table.to_string());
  SessionSettings session;
  session.url = settings.url;
  session.application_name = "penstock validate";
  session.code_of = code_of_postgres;
  session.texts = SessionSettings::Texts::kAsStored;
  auto opened = Session::open(session, deadline);
  if (!opened) {
    inspection.error(opened.error().message() + " [" + std::string(opened.error().code().name) + "]",
                     connection_fix(opened.error(), settings.url));
    return std::move(inspection).findings();
  }
  if ((*opened)->server().role == store::postgres::ServerFacts::Role::kStandby)
    inspection.error("the server is a standby, where no row can be settled", "Connect to the primary.");
  const auto table = load_postgres_columns(**opened, settings, deadline, {});
  if (!table) {
    inspection.error(table.error().message(), std::string(table.error().code().hint));
  } else if (table->table_oid == 0) {
    inspection.error("there is no such table",
                     create_schema_statement(**opened, settings, deadline) + create_table_statement(settings));
  } else if (table->kind == PostgresColumns::Kind::kOther) {
    inspection.error("it is a view or a foreign table", "Name the table behind it in `table`.");
  } else {
    if (table->after_crash == PostgresColumns::AfterCrash::kEmpty)
      inspection.warn("it is UNLOGGED: a crash of the server empties it, with all that was not delivered",
                      "ALTER TABLE " + settings.table.quoted() + " SET LOGGED;");
    inspect_roles(*table, settings, inspection);
    if (std::holds_alternative<TrackRows>(settings.policy))
      inspect_tracking(*table, settings, inspection);
    else
      inspect_order(*table, settings, inspection);
    inspect_rights(*table, settings, inspection);  // also on a table that is made by what was said before
    inspect_mark(*table, settings, inspection);
    inspect_hindrances(*table, settings, inspection);
    inspection.ok_if_no_error("reached, " + std::to_string(table->columns.size()) + " columns");
  }
  return std::move(inspection).findings();
}

}  // namespace penstock::outbox
