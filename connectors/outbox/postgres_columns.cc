#include "connectors/outbox/postgres_columns.h"

#include <algorithm>

#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

using store::postgres::Parameters;
using store::postgres::Rows;
using store::postgres::Session;
using store::postgres::Statement;

const Statement kTable{"",
                       "SELECT c.oid::int8, c.relkind::text, has_schema_privilege(n.oid, 'USAGE'),"
                       " has_any_column_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'DELETE'),"
                       " quote_ident(current_user), c.relpersistence = 'u'"
                       " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                       " WHERE n.nspname = $1 AND c.relname = $2"};

// A domain is read as what it stands on.
const Statement kColumns{"",
                         "SELECT a.attname::text, b.typname::text, b.typcategory::text, a.attnotnull,"
                         " CASE WHEN t.typbasetype <> 0 THEN t.typtypmod ELSE a.atttypmod END,"
                         " has_column_privilege(a.attrelid, a.attnum, 'SELECT'), format_type(a.atttypid, a.atttypmod),"
                         " has_column_privilege(a.attrelid, a.attnum, 'UPDATE'), a.atttypid || '.' || a.atttypmod"
                         " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
                         " JOIN pg_type b ON b.oid = CASE WHEN t.typbasetype <> 0 THEN t.typbasetype ELSE t.oid END"
                         " WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"};

const Statement kPartialIndexes{
    "",
    "SELECT pg_get_expr(i.indpred, i.indrelid)"
    " FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
    " WHERE i.indrelid = $1::int8::oid AND a.attname = $2 AND i.indisvalid AND i.indpred IS NOT NULL"};

// Owned by the column (serial, identity), or named by its default.
const Statement kSequence{
    "",
    "SELECT s.seqrelid::int8, s.seqcache, s.seqincrement > 0,"
    " quote_ident(n.nspname) || '.' || quote_ident(c.relname),"
    " has_sequence_privilege(s.seqrelid, 'USAGE') OR has_sequence_privilege(s.seqrelid, 'SELECT'),"
    " has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(s.seqrelid, 'SELECT')"
    " FROM pg_attribute a JOIN pg_depend d ON"
    " (d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
    "  AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i'))"
    " OR (d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass"
    "  AND d.objid IN (SELECT f.oid FROM pg_attrdef f WHERE f.adrelid = a.attrelid"
    "  AND f.adnum = a.attnum))"
    " JOIN pg_sequence s ON s.seqrelid IN (d.objid, d.refobjid)"
    " JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE a.attrelid = $1::int8::oid AND a.attname = $2 LIMIT 1"};

// A partition may have partitions of its own.
const Statement kPartitionKey{"",
                              "SELECT DISTINCT coalesce(a.attname::text, '') FROM pg_partitioned_table p"
                              " CROSS JOIN unnest(p.partattrs) k(number)"
                              " LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.number"
                              " AND k.number > 0"
                              " WHERE p.partrelid IN (SELECT t.relid FROM pg_partition_tree($1::int8::oid) t)"
                              " OR p.partrelid = $1::int8::oid ORDER BY 1"};

// The side table of policy "track".
const Statement kSettledTable{
    "",
    "SELECT coalesce(format_type(a.atttypid, a.atttypmod), ''),"
    " EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid"
    "  AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum AND i.indpred IS NULL),"
    " coalesce(has_column_privilege(c.oid, a.attnum, 'SELECT'), false),"
    " coalesce(has_column_privilege(c.oid, a.attnum, 'INSERT'), false)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id' AND NOT a.attisdropped"
    " WHERE n.nspname = $1 AND c.relname = $2"};

const Statement kHidesRows{"", kHidesRowsStatement}, kIndexes{"", kIndexesStatement};

const Statement kHindrances{
    "",
    "WITH t AS (SELECT t.tgtype::int AS does, quote_ident(t.tgname) AS name FROM pg_trigger t WHERE NOT t.tgisinternal"
    "  AND t.tgenabled <> 'D' AND t.tgtype & 3 = 3 AND (t.tgrelid = $1::int8::oid"
    "  OR t.tgrelid IN (SELECT x.relid FROM pg_partition_tree($1::int8::oid) x))"
    "  UNION SELECT CASE r.ev_type WHEN '4' THEN 8 ELSE 16 END, quote_ident(r.rulename) FROM pg_rewrite r"
    "  WHERE r.ev_class = $1::int8::oid AND r.is_instead AND r.ev_type IN ('2', '4') AND r.ev_enabled <> 'D')"
    " SELECT (SELECT coalesce(string_agg(DISTINCT t.name, ', '), '') FROM t WHERE t.does & 8 = 8),"
    " (SELECT coalesce(string_agg(DISTINCT t.name, ', '), '') FROM t WHERE t.does & 16 = 16)"};

constexpr std::int64_t kShortText = 2'048;  // bytes

ColumnType type_of(std::string_view name, std::string_view category) {
  if (name == "uuid") return ColumnType::kUuid;
  if (name == "json" || name == "jsonb") return ColumnType::kJson;
  if (name == "bytea") return ColumnType::kBytes;
  if (name == "int2" || name == "int4" || name == "int8") return ColumnType::kInteger;
  if (name == "timestamptz" || name == "timestamp") return ColumnType::kTime;
  if (name == "bpchar") return ColumnType::kPaddedText;
  if (name == "bool") return ColumnType::kBoolean;
  return category == "N" ? ColumnType::kNumber : ColumnType::kText;
}

std::string expression_of(const std::string& name, ColumnType type, std::string_view type_name) {
  const std::string column = quoted_identifier(name);
  switch (type) {
    case ColumnType::kUuid: return column + "::uuid";
    case ColumnType::kBytes: return column + "::bytea";
    case ColumnType::kInteger: return column + "::int8";
    case ColumnType::kTime: return column + "::" + std::string(type_name);
    case ColumnType::kText:
    case ColumnType::kPaddedText:
    case ColumnType::kJson:
    case ColumnType::kNumber:
    case ColumnType::kBoolean:
    case ColumnType::kDynamic: return column + "::text";
  }
  return column;
}

// varchar(n) holds n characters of at most four bytes; its modifier is n + 4.
bool is_short(std::string_view type_name, ColumnType type, std::int64_t modifier) {
  if (type == ColumnType::kUuid || type == ColumnType::kInteger || type == ColumnType::kTime ||
      type == ColumnType::kBoolean)
    return true;
  return (type_name == "varchar" || type_name == "bpchar") && modifier > 4 && (modifier - 4) * 4 <= kShortText;
}

// What is read without a look at its length has to keep its bound; other texts may get another one.
std::string typed_expression_of(const PostgresColumn& column, std::string_view type_name) {
  const std::string name = quoted_identifier(column.name);
  if (column.type == ColumnType::kInteger) return name + " + 0::int8";
  const bool may_grow =
      column.guard == PostgresColumn::Guard::kByLength && (type_name == "varchar" || type_name == "bpchar");
  return may_grow ? "lower(" + name + ")" : name;
}

PostgresColumn column_of(const Rows& rows, std::size_t row, const OutboxSettings& settings) {
  PostgresColumn column;
  column.name = rows.bytes(row, 0);
  const std::string_view base = rows.bytes(row, 1);
  column.type = type_of(base, rows.bytes(row, 2));
  const std::string* id = settings.column_of(Role::kId);
  // An id is compared by its text when the row is deleted.
  if (id != nullptr && *id == column.name && column.type == ColumnType::kTime) column.type = ColumnType::kText;
  column.expression = expression_of(column.name, column.type, base);
  column.not_null = rows.boolean(row, 3);
  if (is_short(base, column.type, rows.integer(row, 4))) column.guard = PostgresColumn::Guard::kNone;
  column.typed = typed_expression_of(column, base);
  column.may_select = rows.boolean(row, 5);
  column.type_name = rows.bytes(row, 6);
  column.may_update = rows.boolean(row, 7);
  column.type_id = rows.bytes(row, 8);
  return column;
}

std::optional<PostgresSettledTable> settled_table_in(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return PostgresSettledTable{std::string(rows.bytes(0, 0)), rows.boolean(0, 1), rows.boolean(0, 2),
                              rows.boolean(0, 3)};
}

}  // namespace

// A permissive policy that lets the role read every row hides nothing, unless another one restricts it.
const char* const kHidesRowsStatement =
    "WITH p AS (SELECT p.polpermissive, pg_get_expr(p.polqual, p.polrelid) AS shown FROM pg_policy p"
    "  WHERE p.polrelid = $1::int8::oid AND p.polcmd IN ('*', 'r') AND EXISTS (SELECT FROM unnest(p.polroles) r(oid)"
    "  WHERE CASE WHEN r.oid = 0 THEN true ELSE pg_has_role(r.oid, 'USAGE') END))"
    " SELECT row_security_active($1::int8::oid) AND NOT (EXISTS (SELECT FROM p WHERE p.polpermissive"
    "  AND p.shown = 'true') AND NOT EXISTS (SELECT FROM p WHERE NOT p.polpermissive))";

// Every unique index of a partitioned table has the partition key in it.
const char* const kIndexesStatement =
    "SELECT count(*) > 0, coalesce(bool_or(i.indisunique AND (i.indnkeyatts = 1 OR c.relkind = 'p')), false)"
    " FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
    " JOIN pg_class c ON c.oid = i.indrelid"
    " WHERE i.indrelid = $1::int8::oid AND a.attname = $2 AND i.indisvalid AND i.indpred IS NULL";

const PostgresColumn* PostgresColumns::find(std::string_view name) const {
  const auto found = std::ranges::find(columns, name, &PostgresColumn::name);
  return found == columns.end() ? nullptr : &*found;
}

Result<PostgresColumns> load_postgres_columns(Session& session, const OutboxSettings& settings, Deadline deadline,
                                              std::stop_token stop) {
  PostgresColumns found;
  Parameters name;
  name.text(settings.table.schema).text(settings.table.name);
  const auto table = session.run(kTable, name, deadline, stop);
  if (!table) return fail(table.error());
  if (table->empty()) return found;
  if (!session.server().checks_texts) found.texts = RowShape::Texts::kAnyBytes;
  found.table_oid = table->integer(0, 0);
  const std::string_view kind = table->bytes(0, 1);
  found.kind = kind == "r"   ? PostgresColumns::Kind::kTable
               : kind == "p" ? PostgresColumns::Kind::kPartitioned
                             : PostgresColumns::Kind::kOther;
  found.may_use_schema = table->boolean(0, 2);
  found.may_select = table->boolean(0, 3);
  found.may_delete = table->boolean(0, 4);
  found.role = table->bytes(0, 5);
  if (table->boolean(0, 6)) found.after_crash = PostgresColumns::AfterCrash::kEmpty;

  const bool tracks = std::holds_alternative<TrackRows>(settings.policy);
  const std::string* order = tracks ? tracked_order(settings) : &settings.order_by;
  const std::string* id = settings.column_of(Role::kId);
  const TableName side = settled_table(settings.table);
  Parameters oid, oid_and_order, oid_and_id, side_name;
  oid.int8(found.table_oid);
  oid_and_order.int8(found.table_oid).text(order == nullptr ? "" : *order);
  oid_and_id.int8(found.table_oid).text(id == nullptr ? "" : *id);
  side_name.text(side.schema).text(side.name);
  std::vector<store::postgres::Call> calls = {{&kColumns, &oid},
                                              {&kIndexes, &oid_and_order},
                                              {&kSequence, &oid_and_order},
                                              {&kPartialIndexes, &oid_and_order},
                                              {&kHindrances, &oid},
                                              {&kHidesRows, &oid},
                                              {&kIndexes, &oid_and_id},
                                              {&kPartitionKey, &oid}};
  if (tracks) calls.push_back({&kSettledTable, &side_name});
  const auto answers = session.run_pipeline(calls, deadline, stop);
  if (!answers) return fail(answers.error());
  const Rows &columns = (*answers)[0], &indexes = (*answers)[1], &sequence = (*answers)[2], &partial = (*answers)[3],
             &hindrances = (*answers)[4], &hides = (*answers)[5], &id_indexes = (*answers)[6],
             &partition_key = (*answers)[7];
  for (std::size_t row = 0; row < columns.size(); ++row) found.columns.push_back(column_of(columns, row, settings));
  found.order_is_indexed = indexes.boolean(0, 0);
  found.order_is_unique = indexes.boolean(0, 1);
  for (std::size_t row = 0; row < partial.size(); ++row)
    found.order_index_predicates.emplace_back(partial.bytes(row, 0));
  found.before_delete = hindrances.bytes(0, 0);
  found.before_update = hindrances.bytes(0, 1);
  found.hides_rows = hides.boolean(0, 0);
  if (!sequence.empty())
    found.order_sequence = {
        sequence.integer(0, 0), std::string(sequence.bytes(0, 3)),
        sequence.integer(0, 1), sequence.boolean(0, 2) ? PostgresSequence::Runs::kUp : PostgresSequence::Runs::kDown,
        sequence.boolean(0, 4), sequence.boolean(0, 5)};
  found.id_is_indexed = id_indexes.boolean(0, 0);
  found.id_is_unique = id_indexes.boolean(0, 1);
  for (std::size_t row = 0; row < partition_key.size(); ++row)
    found.partition_key.emplace_back(partition_key.bytes(row, 0));
  if (tracks) found.settled_table = settled_table_in((*answers)[8]);
  return found;
}

std::vector<PostgresColumn> columns_to_read(const PostgresColumns& columns, const OutboxSettings& settings) {
  std::vector<PostgresColumn> read;
  // A row carries its number apart, but not what policy "track" sorts by.
  const bool carries_order = !std::holds_alternative<TrackRows>(settings.policy);
  for (const PostgresColumn& column : columns.columns) {
    const std::string* settled = settled_column(settings.policy);
    const std::string* xid = xid_column(settings.policy);
    const bool ignored = std::ranges::count(settings.ignore, column.name) > 0 ||
                         (carries_order && column.name == settings.order_by) ||
                         (settled != nullptr && *settled == column.name) || (xid != nullptr && *xid == column.name);
    if (!ignored || settings.is_mapped(column.name)) read.push_back(column);
  }
  return read;
}

}  // namespace penstock::outbox
