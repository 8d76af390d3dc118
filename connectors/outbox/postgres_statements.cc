#include "connectors/outbox/postgres_statements.h"

#include <algorithm>

#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

// Of a sequence that was dropped with its table nothing is told, which what watches the table says in its own words.
std::string last_value_expression(const std::string& oid) {
  return "CASE WHEN EXISTS (SELECT FROM pg_class k WHERE k.oid = " + oid + ") THEN pg_sequence_last_value(" + oid +
         "::oid::regclass) END";
}

// A transaction may have taken its time so long before it touched the table, and still keeps its order.
constexpr const char* kSlackOfTimes = "2 s";

std::string alias(std::size_t column) { return "c" + std::to_string(column); }

// The bytes of a guarded column in the inner query's row `t`.
std::string length_of(std::size_t column) { return "coalesce(octet_length(t." + alias(column) + "), 0)::int8"; }

// The columns of a poll: `inner` reads them, `outer` lets no long one through, says so, and counts bytes.
struct Selection {
  std::string inner, outer;
};

Selection select(std::span<const PostgresColumn> columns, const RoleColumns& roles, std::string_view limit) {
  Selection selection;
  std::string values, held_back, payload_bytes = "0::int8", other_bytes;
  const auto payload = roles[Role::kPayload];
  for (std::size_t i = 0; i < columns.size(); ++i) {
    selection.inner += ", " + columns[i].expression + " AS " + alias(i);
    const std::string value = "t." + alias(i);
    if (columns[i].guard == PostgresColumn::Guard::kNone) {
      values += ", " + value;
      continue;
    }
    values.append(", CASE WHEN octet_length(" + value + ") <= ").append(limit).append(" THEN " + value + " END");
    held_back.append(held_back.empty() ? "" : " OR ");
    held_back.append("coalesce(octet_length(" + value + ") > ").append(limit).append(", false)");
    if (payload == i)
      payload_bytes = length_of(i);
    else
      other_bytes += (other_bytes.empty() ? "" : " + ") + length_of(i);
  }
  selection.outer = ", " + (held_back.empty() ? "false" : held_back) + ", " + payload_bytes + ", " +
                    (other_bytes.empty() ? "0::int8" : other_bytes) + values;
  return selection;
}

// Never NULL: what is compared with NULL would be left out.
std::string id_hash(const PostgresColumn& id) {
  return "coalesce(hashtextextended((" + id.expression + R"()::text COLLATE "C", 0), 0))";
}

// What a settled row's column is given, in the column's own type.
std::string mark_value(const MarkRows& mark, const PostgresColumns& table) {
  const PostgresColumn* column = table.find(mark.column);
  const std::string type = column == nullptr ? "text" : column->type_name;
  return (mark.value ? store::postgres::quote_literal(*mark.value) : "now()") + "::" + type;
}

// The rows $1, $2 as `d`, and those of the table `t` that they name.
std::string settled_rows(const OutboxSettings& settings, const PostgresColumn& id) {
  std::string type = "text", compared = "t." + quoted_identifier(id.name) + "::text";
  if (settled_id_type(id) == SettledIdType::kUuid) type = "uuid", compared = "t." + id.expression;
  if (settled_id_type(id) == SettledIdType::kBytes) type = "bytea", compared = "t." + id.expression;
  return "unnest($1::int8[], $2::" + type + "[]) AS d(number, id) WHERE t." + quoted_identifier(settings.order_by) +
         " = d.number AND " + compared + " IS NOT DISTINCT FROM d.id";
}

// Of a row that is seen: its transaction has ended, so the server has come to it, if it was one of this server's.
std::string xids_ahead_condition(const OutboxSettings& settings) {
  return quoted_identifier(*xid_column(settings.policy)) + " >= pg_snapshot_xmax(pg_current_snapshot())";
}

}  // namespace

// Sorted by the column of the table: a bare name would mean what is selected under it.
std::string scan_statement(const OutboxSettings& settings, const PostgresColumns& table,
                           std::span<const PostgresColumn> columns, const RoleColumns& roles) {
  const std::string order = quoted_identifier(settings.order_by);
  const std::string unread = unread_condition(settings, table, "");
  const Selection selection = select(columns, roles, "$5");
  const std::string hash = id_hash(columns[roles.id()]);
  return "SELECT t.o, 0::int8, t.h" + selection.outer +
         " FROM unnest($1::int8[], $2::int8[]) AS r(first, last) CROSS JOIN LATERAL (SELECT " + order +
         "::int8 AS o, CASE WHEN $8 > 0 THEN " + hash + " ELSE 0 END AS h" + selection.inner + " FROM " +
         settings.table.quoted() + " AS s WHERE " + order + " >= r.first AND " + order + " <= r.last AND " + order +
         " NOT IN (SELECT unnest($3::int8[])) AND (" + order + "::int8, " + hash +
         ") NOT IN (SELECT l.number, l.hash FROM unnest($6::int8[], $7::int8[]) AS l(number, hash))" +
         (unread.empty() ? "" : " AND " + unread) + " ORDER BY s." + order + " LIMIT $4) AS t LIMIT $4";
}

// The row comparison is one walk along an index over both columns.
std::string xid_scan_statement(const OutboxSettings& settings, std::span<const PostgresColumn> columns,
                               const RoleColumns& roles) {
  const std::string order = quoted_identifier(settings.order_by);
  const std::string xid = quoted_identifier(*xid_column(settings.policy));
  const Selection selection = select(columns, roles, "$4");
  return "SELECT t.o, t.x::text::int8, 0::int8" + selection.outer + " FROM (SELECT " + order + "::int8 AS o, " + xid +
         " AS x" + selection.inner + " FROM " + settings.table.quoted() + " AS s WHERE (" + xid + ", " + order +
         ") > ($1::text::xid8, $2::int8) AND " + xid + " < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY s." + xid +
         ", s." + order + " LIMIT $3) AS t";
}

// The types stand in its text, so that it is prepared anew for an opening that finds others.
std::string types_statement(const OutboxSettings& settings, const PostgresColumns& table,
                            std::span<const PostgresColumn> columns) {
  std::vector<const PostgresColumn*> read;
  for (const PostgresColumn& column : columns) read.push_back(&column);
  const bool tracks = std::holds_alternative<TrackRows>(settings.policy);
  if (const std::string* order = tracks ? tracked_order(settings) : &settings.order_by)
    if (const PostgresColumn* column = table.find(*order)) read.push_back(column);
  std::string values, types;
  for (const PostgresColumn* column : read) {
    values += (values.empty() ? "" : ", ") + column->typed;
    types += column->type_id + " ";
  }
  return "SELECT " + values + " FROM " + settings.table.quoted() + " WHERE " + store::postgres::quote_literal(types) +
         " IS NULL";
}

// An id is compared in the type that it has, so that indexes serve.
std::string find_statement(const OutboxSettings& settings, const PostgresColumns& table, Reach reach) {
  const std::string& name = *settings.column_of(Role::kId);
  const std::string id = "t." + quoted_identifier(name);
  std::string behind, order = "t.ctid";
  if (const std::string* column = tracked_order(settings)) {
    const std::string value = "t." + quoted_identifier(*column);
    order = value + ", " + order;
    const PostgresColumn& shape = *table.find(*column);
    const std::string slack = shape.type == ColumnType::kTime ? " - interval '" + std::string(kSlackOfTimes) + "'" : "";
    if (reach == Reach::kOpenRanges) behind = value + " >= $3::text::" + shape.type_name + slack + " AND ";
  }
  return "SELECT " + id + "::text FROM " + settings.table.quoted() + " AS t WHERE " + behind + id +
         " NOT IN (SELECT unnest($1::text[])::" + table.find(name)->type_name + ") AND NOT EXISTS (SELECT FROM " +
         settled_table(settings.table).quoted() + " AS s WHERE s.id = " + id + ") ORDER BY " + order + " LIMIT $2";
}

// A time that lies ahead would be a mark that nothing comes behind.
std::string highest_statement(const OutboxSettings& settings, const PostgresColumns& table) {
  const std::string& column = *tracked_order(settings);
  const std::string value = "t." + quoted_identifier(column);
  const bool time = table.find(column)->type == ColumnType::kTime;
  return "SELECT " + value + "::text FROM " + settings.table.quoted() + " AS t WHERE " + value +
         (time ? " <= now()" : " IS NOT NULL") + " ORDER BY " + value + " DESC LIMIT 1";
}

std::string fetch_statement(const OutboxSettings& settings, const PostgresColumns& table,
                            std::span<const PostgresColumn> columns, const RoleColumns& roles) {
  const std::string& id = *settings.column_of(Role::kId);
  const Selection selection = select(columns, roles, "$3");
  return "SELECT $2::int8 + r.place, 0::int8, 0::int8" + selection.outer +
         " FROM unnest($1::text[]) WITH ORDINALITY AS r(id, place) CROSS JOIN LATERAL (SELECT " +
         selection.inner.substr(2) + " FROM " + settings.table.quoted() + " AS o WHERE o." + quoted_identifier(id) +
         " = r.id::" + table.find(id)->type_name + " LIMIT 1) AS t";
}

std::string track_statement(const OutboxSettings& settings, const PostgresColumns& table) {
  return "INSERT INTO " + settled_table(settings.table).quoted() +
         " (id) SELECT d.id::" + table.find(*settings.column_of(Role::kId))->type_name +
         " FROM unnest($1::text[]) AS d(id) ON CONFLICT DO NOTHING";
}

std::string untracked_statement(const OutboxSettings& settings, const PostgresColumns& table) {
  const std::string& id = *settings.column_of(Role::kId);
  const std::string same = " = d.id::" + table.find(id)->type_name + ")";
  return "SELECT d.id FROM unnest($1::text[]) AS d(id) WHERE EXISTS (SELECT FROM " + settings.table.quoted() +
         " AS t WHERE t." + quoted_identifier(id) + same + " AND NOT EXISTS (SELECT FROM " +
         settled_table(settings.table).quoted() + " AS s WHERE s.id" + same + " ORDER BY 1";
}

std::string unread_condition(const OutboxSettings& settings, const PostgresColumns& table, std::string_view row) {
  const auto* mark = std::get_if<MarkRows>(&settings.policy);
  if (mark == nullptr) return {};
  const std::string column = std::string(row) + quoted_identifier(mark->column);
  if (!mark->value) return column + " IS NULL";
  return column + " IS DISTINCT FROM " + mark_value(*mark, table);
}

SettledIdType settled_id_type(const PostgresColumn& id) {
  if (id.type == ColumnType::kUuid) return SettledIdType::kUuid;
  return id.type == ColumnType::kBytes ? SettledIdType::kBytes : SettledIdType::kText;
}

std::string settle_statement(const OutboxSettings& settings, const PostgresColumns& table, const PostgresColumn& id) {
  const std::string rows = settled_rows(settings, id);
  const auto* mark = std::get_if<MarkRows>(&settings.policy);
  if (mark == nullptr) return "DELETE FROM " + settings.table.quoted() + " AS t USING " + rows;
  return "UPDATE " + settings.table.quoted() + " AS t SET " + quoted_identifier(mark->column) + " = " +
         mark_value(*mark, table) + " FROM " + rows + " AND " + unread_condition(settings, table, "t.");
}

std::string left_statement(const OutboxSettings& settings, const PostgresColumns& table, const PostgresColumn& id) {
  const std::string unread = unread_condition(settings, table, "t.");
  return "SELECT d.number FROM " + settings.table.quoted() + " AS t, " + settled_rows(settings, id) +
         (unread.empty() ? "" : " AND " + unread) + " ORDER BY 1";
}

std::string drawn_statement() { return "SELECT " + last_value_expression("$1::int8"); }

std::string numbering_statement(const OutboxSettings& settings, const PostgresColumns& table,
                                const PostgresColumn& id) {
  const auto& sequence = table.order_sequence;
  const bool by_xid = xid_column(settings.policy) != nullptr;
  const bool told = sequence && sequence->tells_last() && !by_xid;
  const std::string first = told && sequence->may_select
                                ? "(SELECT s.last_value FROM " + sequence->name + " AS s WHERE NOT s.is_called)"
                                : "NULL";
  return "SELECT " + (told ? last_value_expression(std::to_string(sequence->oid)) : std::string("NULL")) +
         "::int8, (SELECT " + quoted_identifier(id.name) + (id.type == ColumnType::kBytes ? "" : "::text") + " FROM " +
         settings.table.quoted() + " WHERE " + quoted_identifier(settings.order_by) + " = $1::int8), " +
         (by_xid ? "pg_snapshot_xmax(pg_current_snapshot())::text" : "NULL") + "::int8, " + first + "::int8";
}

const char* const kLockHoldersStatement =
    "WITH RECURSIVE family(oid) AS (SELECT $1::int8::oid UNION SELECT i.inhrelid FROM pg_inherits i"
    " JOIN family f ON f.oid = i.inhparent) SELECT DISTINCT l.virtualtransaction FROM pg_locks l"
    " WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted"
    " AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())"
    " AND l.pid IS DISTINCT FROM pg_backend_pid()"
    " AND l.relation IN (SELECT f.oid FROM family f)";

LockHolders holders_in(const store::postgres::Rows& answer) {
  LockHolders holders;
  for (std::size_t row = 0; row < answer.size(); ++row) holders.emplace(answer.bytes(row, 0));
  return holders;
}

const char* const kBlockerStatement =
    "SELECT coalesce(a.pid, 0)::int8, coalesce(a.application_name, 'prepared ' || p.gid, ''),"
    " coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared)), -1)::int8, w.id"
    " FROM unnest($1::text[]) AS w(id)"
    " LEFT JOIN pg_locks l ON l.locktype = 'virtualxid' AND l.virtualtransaction = w.id AND l.virtualxid = w.id"
    " LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
    " LEFT JOIN pg_locks x ON x.locktype = 'transactionid' AND x.pid IS NULL AND x.virtualtransaction = w.id"
    " LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid"
    " WHERE a.pid IS NOT NULL OR p.gid IS NOT NULL ORDER BY 3 DESC LIMIT 1";

std::string xids_ahead_statement(const OutboxSettings& settings) {
  return "SELECT EXISTS (SELECT FROM " + settings.table.quoted() + " WHERE " + xids_ahead_condition(settings) + ")";
}

std::string statement_that_mends_xids(const OutboxSettings& settings) {
  return "UPDATE " + settings.table.quoted() + " SET " + quoted_identifier(*xid_column(settings.policy)) +
         " = pg_current_xact_id() WHERE " + xids_ahead_condition(settings) + ";";
}

std::string xid_blocker_statement(const OutboxSettings& settings) {
  return "SELECT s.pid, concat(s.name, CASE WHEN s.database <> current_database() THEN ' in database ' || s.database "
         "END),"
         " coalesce(extract(epoch FROM clock_timestamp() - s.since), -1)::int8, s.xid::text FROM"
         " (SELECT a.pid::int8, a.application_name AS name, a.xact_start AS since, a.backend_xid AS xid,"
         " a.datname AS database FROM pg_stat_activity a WHERE a.backend_xid IS NOT NULL UNION ALL"
         " SELECT 0, 'prepared ' || p.gid, p.prepared, p.transaction, p.database FROM pg_prepared_xacts p) AS s"
         " WHERE EXISTS (SELECT FROM " +
         settings.table.quoted() + " AS t WHERE t." + quoted_identifier(*xid_column(settings.policy)) +
         " >= pg_snapshot_xmin(pg_current_snapshot())) ORDER BY age(s.xid) DESC LIMIT 1";
}

const char* const kLockHolderStatement =
    "SELECT b.pid::int8, coalesce(a.application_name, p.name, ''),"
    " coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared)), -1)::int8,"
    " coalesce((SELECT v.virtualtransaction FROM pg_locks v WHERE v.pid = b.pid AND v.locktype = 'virtualxid' LIMIT 1),"
    " '') FROM unnest(pg_blocking_pids($1::int8::int4)) AS b(pid) LEFT JOIN pg_stat_activity a ON a.pid = b.pid"
    " LEFT JOIN LATERAL (SELECT 'prepared ' || x.gid AS name, x.prepared FROM pg_prepared_xacts x"
    " WHERE b.pid = 0 AND x.database = current_database() ORDER BY x.prepared LIMIT 1) p ON true"
    " ORDER BY 3 DESC LIMIT 1";

connectors::Blocker blocker_in(const store::postgres::Rows& answer) {
  using connectors::Blocker;
  const std::int64_t seconds = answer.integer(0, 2);
  return {answer.integer(0, 0), std::string(answer.bytes(0, 1)),
          std::chrono::seconds(std::max<std::int64_t>(seconds, 0)),
          seconds < 0 ? Blocker::Age::kAtLeast : Blocker::Age::kKnown, std::string(answer.bytes(0, 3))};
}

const char* const kTryLockStatement =
    "SELECT pg_try_advisory_lock(hashtextextended('penstock.source.' || $1::int8::text, 0))";

const char* const kUnlockStatement =
    "SELECT pg_advisory_unlock(hashtextextended('penstock.source.' || $1::int8::text, 0))";

const std::vector<std::pair<std::string, std::string>>& scan_session_parameters() {
  static const std::vector<std::pair<std::string, std::string>> parameters = {
      {"plan_cache_mode", "force_generic_plan"},
      {"enable_seqscan", "off"},
      {"enable_bitmapscan", "off"},
      {"enable_hashjoin", "off"},
      {"enable_mergejoin", "off"},
      {"enable_material", "off"},
      {"jit", "off"},
  };
  return parameters;
}

}  // namespace penstock::outbox
