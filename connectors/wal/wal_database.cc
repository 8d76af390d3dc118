#include "connectors/wal/wal_database.h"

#include "connectors/outbox/postgres_rights.h"

namespace penstock::wal {
namespace {

using store::postgres::Parameters;
using store::postgres::Rows;
using store::postgres::Session;
using store::postgres::Statement;

const Statement kServer{
    "",
    "SELECT current_database()::text, quote_ident(current_user), current_setting('wal_level'),"
    " coalesce((SELECT r.rolreplication OR r.rolsuper FROM pg_roles r"
    "  WHERE r.rolname = current_user), false) OR EXISTS (SELECT FROM pg_roles g"
    "  WHERE g.rolname = 'rds_replication' AND pg_has_role(g.oid, 'MEMBER')),"  // where no role has the attribute
    " (SELECT count(*) FROM pg_replication_slots o WHERE NOT o.active AND o.slot_name <> $1),"
    " has_database_privilege(current_database(), 'CREATE') AND NOT EXISTS (SELECT FROM pg_class c"
    "  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $2 AND c.relname = $3"
    "  AND NOT pg_has_role(c.relowner, 'USAGE')),"
    " (SELECT g.setting::int8 * 1048576 FROM pg_settings g WHERE g.name = 'max_slot_wal_keep_size'),"
    " EXISTS (SELECT FROM regexp_split_to_table(current_setting('synchronous_standby_names'), '[(),[:space:]]+') s"
    "  WHERE btrim(s, '\"') = '*')"};

// Row filters, column lists and publications of whole schemas came with PostgreSQL 15. What is published through a root
// is entered under it. A row of pg_depend says since when the table is in its schema, and the one of its row type since
// when it has its name: moving or renaming it writes the row anew, while grants, columns and indexes leave it alone.
Statement publication_statement(int server_version) {
  const std::string schema_entries =
      server_version < 150'000
          ? ""
          : " UNION ALL SELECT 's' || e.oid || '.' || e.xmin FROM pg_publication_namespace e WHERE e.pnpubid = p.oid"
            " AND e.pnnspid IN (SELECT f.relnamespace FROM pg_class f WHERE f.oid = ANY (o.family))";
  return {
      "",
      "SELECT p.pubinsert, p.pubviaroot, t.pubname IS NOT NULL, coalesce(to_jsonb(t) ->> 'rowfilter', ''),"
      " coalesce((SELECT string_agg(quote_ident(m), ', ') FROM unnest($4::text[]) m JOIN pg_attribute a"
      "  ON a.attname = m AND a.attrelid = o.oid"
      "  WHERE to_jsonb(t) ? 'attnames' AND NOT to_jsonb(t) -> 'attnames' ? m AND (a.attgenerated = ''"
      "  OR current_setting('server_version_num')::int >= 180000)), ''),"
      " p.oid || '.' || p.xmin,"
      " coalesce((SELECT string_agg(e.entry, ',' ORDER BY e.entry) FROM ("
      "  SELECT 'a' AS entry WHERE p.puballtables"
      "  UNION ALL SELECT 't' || e.oid || '.' || e.xmin FROM pg_publication_rel e WHERE e.prpubid = p.oid"
      "   AND e.prrelid = ANY (o.family)" +
          schema_entries +
          ") e), ''),"
          " coalesce(o.oid || '/' || (SELECT y.xmin FROM pg_class k JOIN pg_type y ON y.oid = k.reltype"
          "  WHERE k.oid = o.oid) || (SELECT coalesce(string_agg('.' || i.xmin, '' ORDER BY i.inhrelid), '')"
          "  FROM pg_inherits i WHERE i.inhrelid = ANY (o.family)), ''),"
          " coalesce((SELECT d.xmin::text FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = o.oid"
          "  AND d.objsubid = 0 AND d.refclassid = 'pg_namespace'::regclass), '0'),"
          " pg_get_userbyid(p.pubowner) = current_user,"
          " (p.pubupdate OR p.pubdelete) AND t.pubname IS NOT NULL AND (o.identity = 'n' OR o.identity = 'd'"
          "  AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = o.oid AND x.indisprimary)),"
          " NOT EXISTS (SELECT FROM pg_publication_rel l WHERE l.prpubid = p.oid AND l.prrelid = ANY (o.family)"
          "  AND to_jsonb(l) ->> 'prattrs' IS NOT NULL) AND NOT EXISTS (SELECT FROM pg_attribute a"
          "  WHERE a.attrelid = o.oid AND a.attname = ANY ($4::text[]) AND a.attgenerated = ''"
          "  AND to_jsonb(t) ? 'attnames' AND NOT to_jsonb(t) -> 'attnames' ? a.attname::text),"
          " concat_ws(', ', 'insert', CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END,"
          "  CASE WHEN p.pubtruncate THEN 'truncate' END)"
          " FROM pg_publication p LEFT JOIN (SELECT c.oid, c.relreplident AS identity, c.oid ||"
          "  ARRAY(SELECT a.relid::oid FROM pg_partition_ancestors(c.oid) a WHERE a.relid <> c.oid) AS family"
          "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $2 AND c.relname = $3)"
          "  o ON true LEFT JOIN pg_publication_tables t ON t.pubname = p.pubname AND t.schemaname = $2"
          " AND t.tablename = $3 WHERE p.pubname = $1"};
}

// Values that the server makes and doesn't publish, tables that inherit from one that isn't partitioned, and partitions
// whose rows are not written to the log: the publication shows no more than their root.
const Statement kLeftOut{
    "",
    "SELECT coalesce((SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a"
    "  WHERE a.attrelid = c.oid AND a.attname = ANY ($3::text[]) AND (a.attgenerated = 'v' OR (a.attgenerated = 's'"
    "  AND current_setting('server_version_num')::int < 180000))), ''),"
    " coalesce((SELECT string_agg(i.inhrelid::regclass::text, ', ') FROM pg_inherits i"
    "  WHERE i.inhparent = c.oid AND c.relkind = 'r'), ''),"
    " EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = ANY ($3::text[])"
    "  AND a.attgenerated = 's' AND current_setting('server_version_num')::int >= 180000),"
    " coalesce((SELECT string_agg(l.oid::regclass::text, ', ') FROM pg_partition_tree(c.oid) p"
    "  JOIN pg_class l ON l.oid = p.relid WHERE p.isleaf AND (l.relpersistence <> 'p' OR l.relkind = 'f')), '')"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2"};

const Statement kLogEnd{"",
                        "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
                        " ELSE pg_current_wal_insert_lsn() END::text,"
                        " pg_snapshot_xmin(pg_current_snapshot())::text::int8"};

// A number that is drawn: the end of a snapshot is that of what has been seen to end, and one that runs may be behind
// it. As with a heartbeat no standby is waited for.
const Statement kNextTransaction{
    "",
    "SELECT CASE WHEN pg_is_in_recovery() THEN pg_snapshot_xmax(pg_current_snapshot())::text"
    " ELSE pg_current_xact_id()::text END::int8,"
    " set_config('synchronous_commit', 'local', true)"};

const Statement kSlot{"",
                      "SELECT coalesce(s.plugin::text, ''), s.slot_type::text, coalesce(s.database::text, ''),"
                      " coalesce(s.wal_status::text, ''), s.confirmed_flush_lsn::text, s.active, s.safe_wal_size,"
                      " (SELECT g.setting::int8 * 1048576 FROM pg_settings g WHERE g.name = 'max_slot_wal_keep_size'),"
                      " coalesce(to_jsonb(s) ->> 'failover', ''),"  // PostgreSQL 17
                      " CASE WHEN NOT pg_is_in_recovery()"
                      "  THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::int8 END,"
                      " CASE WHEN NOT pg_is_in_recovery()"
                      "  THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::int8 END,"
                      " s.two_phase"
                      " FROM pg_replication_slots s WHERE s.slot_name = $1"};

std::vector<std::string> mapped_columns(const WalSettings& settings) {
  std::vector<std::string> mapped;
  for (const outbox::Role role : outbox::kRoles)
    if (const std::string* column = settings.rows.column_of(role)) mapped.push_back(*column);
  return mapped;
}

Parameters publication_parameters(const WalSettings& settings) {
  const outbox::TableName& table = settings.rows.table;
  Parameters parameters;
  parameters.text(settings.publication).text(table.schema).text(table.name).texts(mapped_columns(settings));
  return parameters;
}

Parameters left_out_parameters(const WalSettings& settings) {
  const outbox::TableName& table = settings.rows.table;
  Parameters parameters;
  parameters.text(table.schema).text(table.name).texts(mapped_columns(settings));
  return parameters;
}

std::optional<PublicationState> publication_in(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  PublicationState state;
  state.publishes_inserts = rows.boolean(0, 0);
  state.via_root = rows.boolean(0, 1);
  state.has_table = rows.boolean(0, 2);
  state.row_filter = rows.bytes(0, 3);
  state.missing_columns = rows.bytes(0, 4);
  state.membership = {std::string(rows.bytes(0, 5)), parse_entries(rows.bytes(0, 6)), std::string(rows.bytes(0, 7)),
                      std::string(rows.bytes(0, 8))};
  state.is_ours = rows.boolean(0, 9);
  state.hinders_changes = rows.boolean(0, 10);
  if (rows.boolean(0, 11)) state.missing = PublicationState::Missing::kGenerated;
  state.with_inserts = rows.bytes(0, 12);
  return state;
}

std::string left_out_in(const Rows& rows, const WalSettings& settings) {
  if (rows.empty() || settings.reads_messages()) return {};
  const std::string table = "table " + settings.rows.table.to_string();
  if (const std::string_view children = rows.bytes(0, 1); !children.empty())
    return "tables inherit from " + table +
           ", and the log has their rows under their own names: " + std::string(children);
  if (const std::string_view partitions = rows.bytes(0, 3); !partitions.empty())
    return "partitions of " + table +
           " are unlogged or foreign, and the log has no rows of them: " + std::string(partitions);
  if (const std::string_view columns = rows.bytes(0, 0); !columns.empty())
    return "columns of " + table +
           " that are mapped are generated, and the server doesn't publish those: " + std::string(columns);
  return {};
}

// By their ids.
bool may_delete(const outbox::PostgresColumns& table, const WalSettings& settings) {
  const outbox::PostgresColumn* id = table.find(*settings.rows.column_of(outbox::Role::kId));
  return table.may_use_schema && table.may_delete && (id == nullptr || id->may_select);
}

SlotRoom room_of(const Rows& slot) {
  SlotRoom room{std::string(slot.bytes(0, 3)), std::nullopt, slot.integer(0, 7)};
  if (!slot.is_null(0, 6)) room.safe_bytes = slot.integer(0, 6);
  if (!slot.is_null(0, 9)) room.retained_bytes = slot.integer(0, 9);
  if (!slot.is_null(0, 10)) room.unread_bytes = slot.integer(0, 10);
  return room;
}

}  // namespace

Result<WalDatabase> load_wal_database(Session& session, const WalSettings& settings, Deadline deadline,
                                      std::stop_token stop) {
  Parameters server_names, slot_name;
  const Parameters nothing, publication = publication_parameters(settings), left_out = left_out_parameters(settings);
  const Statement published_so = publication_statement(session.server().version);
  server_names.text(settings.slot).text(settings.rows.table.schema).text(settings.rows.table.name);
  slot_name.text(settings.slot);
  // The place first, with who runs: what the catalogue shows then was so at that place, or came later, or isn't seen
  // yet.
  const store::postgres::Call calls[] = {{&kLogEnd, &nothing},          {&kServer, &server_names},
                                         {&published_so, &publication}, {&kLeftOut, &left_out},
                                         {&kSlot, &slot_name},          {&kNextTransaction, &nothing}};
  const auto answers = session.run_pipeline(calls, deadline, stop);
  if (!answers) return fail(answers.error());
  const Rows &server = (*answers)[1], &published = (*answers)[2], &slot = (*answers)[4];
  WalDatabase found;
  found.log_end = parse_lsn((*answers)[0].bytes(0, 0)).value_or(Lsn{});
  found.running = {(*answers)[0].integer(0, 1), (*answers)[5].integer(0, 0)};
  found.database = server.bytes(0, 0);
  found.role = server.bytes(0, 1);
  found.wal_level = server.bytes(0, 2);
  found.may_replicate = server.boolean(0, 3);
  found.other_idle_slots = server.integer(0, 4);
  found.may_publish = server.boolean(0, 5);
  found.slot_limit_bytes = server.integer(0, 6);
  found.waits_for_any_standby = server.boolean(0, 7);
  found.publication = publication_in(published);
  const Rows& left_out_rows = (*answers)[3];
  found.left_out = left_out_in(left_out_rows, settings);
  if (!left_out_rows.empty() && left_out_rows.boolean(0, 2)) found.generated = Generated::kMapped;
  if (!slot.empty()) {
    found.slot = {std::string(slot.bytes(0, 0)), std::string(slot.bytes(0, 1)), std::string(slot.bytes(0, 2)),
                  std::string(slot.bytes(0, 3)), std::nullopt};
    if (!slot.is_null(0, 4)) found.slot->confirmed_flush = parse_lsn(slot.bytes(0, 4));
    if (slot.boolean(0, 11)) found.slot->prepared = SlotState::Prepared::kBeforeCommit;
    found.slot_is_active = slot.boolean(0, 5);
    found.room = room_of(slot);
    found.survives_failover = slot.bytes(0, 8) != "false";
  }
  if (settings.reads_messages()) return found;
  auto table = outbox::load_postgres_columns(session, settings.rows, deadline, std::move(stop));
  if (!table) return fail(std::move(table.error()));
  found.table = *std::move(table);
  return found;
}

Result<PublicationLook> look_at_publication(Session& session, const WalSettings& settings, Deadline deadline,
                                            std::stop_token stop) {
  const Parameters nothing, publication = publication_parameters(settings), left_out = left_out_parameters(settings);
  const Statement published_so = publication_statement(session.server().version);
  const store::postgres::Call calls[] = {
      {&kLogEnd, &nothing}, {&published_so, &publication}, {&kLeftOut, &left_out}, {&kNextTransaction, &nothing}};
  const auto answers = session.run_pipeline(calls, deadline, std::move(stop));
  if (!answers) return fail(answers.error());
  return PublicationLook{publication_in((*answers)[1]),
                         left_out_in((*answers)[2], settings),
                         parse_lsn((*answers)[0].bytes(0, 0)).value_or(Lsn{}),
                         {(*answers)[0].integer(0, 1), (*answers)[3].integer(0, 0)}};
}

Result<EndOfWriters> find_end_of_writers(Session& session, const WalDatabase& database, std::int64_t transactions,
                                         Deadline deadline, std::stop_token stop) {
  static const Statement kWriters{
      "",
      "WITH RECURSIVE family(oid) AS (SELECT $1::text::oid UNION SELECT i.inhrelid FROM pg_inherits i"
      " JOIN family f ON f.oid = i.inhparent) SELECT coalesce('pid ' || l.pid || coalesce(' (' ||"
      " nullif(a.application_name, '') || ')', ''), 'prepared transaction ' || p.gid, 'a transaction') FROM pg_locks l"
      " JOIN pg_locks t ON t.virtualtransaction = l.virtualtransaction"
      " LEFT JOIN pg_stat_activity a ON a.pid = l.pid LEFT JOIN pg_prepared_xacts p ON p.transaction = t.transactionid"
      " WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted"
      " AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())"
      " AND l.relation IN (SELECT f.oid FROM family f) AND t.locktype = 'transactionid' AND t.mode = 'ExclusiveLock'"
      " AND age(t.transactionid) > age($2::text::xid8::xid) ORDER BY age(t.transactionid) DESC LIMIT 1"};
  const Parameters nothing;
  Parameters writers;
  writers.text(std::to_string(database.table->table_oid)).text(std::to_string(transactions));
  const store::postgres::Call calls[] = {{&kWriters, &writers}, {&kLogEnd, &nothing}};
  const auto answers = session.run_pipeline(calls, deadline, std::move(stop));
  if (!answers) return fail(answers.error());
  const Rows& found = (*answers)[0];
  return EndOfWriters{found.empty() ? std::string() : std::string(found.bytes(0, 0)),
                      parse_lsn((*answers)[1].bytes(0, 0)).value_or(Lsn{})};
}

// A new name is a new row of the table's type.
Result<bool> gave_name_away_before(Session& session, const Membership& before, const Membership& now, Deadline deadline,
                                   std::stop_token stop) {
  static const Statement kEarlier{
      "",
      "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_type y ON y.oid = c.reltype WHERE c.oid::text = $1"
      " AND age(y.xmin) > age($2::text::xid))"};
  Parameters parameters;
  parameters.text(oid_of_table(before)).text(now.since);
  const auto earlier = session.run(kEarlier, parameters, deadline, std::move(stop));
  if (!earlier) return fail(earlier.error());
  return earlier->boolean(0, 0);
}

Result<std::optional<Lsn>> load_slot_place(Session& session, const WalSettings& settings, Deadline deadline,
                                           std::stop_token stop) {
  Parameters slot_name;
  slot_name.text(settings.slot);
  const auto slot = session.run(kSlot, slot_name, deadline, std::move(stop));
  if (!slot) return fail(slot.error());
  return slot->empty() || slot->is_null(0, 4) ? std::nullopt : parse_lsn(slot->bytes(0, 4));
}

Result<std::optional<SlotRoom>> load_slot_room(Session& session, const WalSettings& settings, Deadline deadline,
                                               std::stop_token stop) {
  Parameters slot_name;
  slot_name.text(settings.slot);
  const auto slot = session.run(kSlot, slot_name, deadline, std::move(stop));
  if (!slot) return fail(slot.error());
  if (slot->empty()) return std::nullopt;
  return room_of(*slot);
}

std::string replication_fix(const WalDatabase& database) {
  return "ALTER ROLE " + database.role + " REPLICATION; -- on Amazon RDS and Aurora: GRANT rds_replication TO " +
         database.role + ";";
}

std::string removal_fix(const WalDatabase& database, const WalSettings& settings) {
  if (may_delete(*database.table, settings)) return outbox::statement_that_shows_rows(*database.table, settings.rows);
  return "GRANT USAGE ON SCHEMA " + outbox::quoted_identifier(settings.rows.table.schema) + " TO " + database.role +
         "; GRANT SELECT (" + outbox::quoted_identifier(*settings.rows.column_of(outbox::Role::kId)) + "), DELETE ON " +
         settings.rows.table.quoted() + " TO " + database.role + ";";
}

Error hidden_rows_stay(const outbox::PostgresColumns& table, const WalSettings& settings) {
  return {codes::kOutboxUnauthorized, outbox::words_of_hidden_rows(table, settings.rows) +
                                          ", which the log delivers and settle = \"delete\" would leave there: " +
                                          outbox::statement_that_shows_rows(table, settings.rows)};
}

std::string synchronous_fault(const WalDatabase& database, const WalSettings& settings) {
  if (!database.waits_for_any_standby) return {};
  const std::string words =
      "synchronous_standby_names has *, so that the server takes whoever reads a slot for a synchronous standby, and"
      " a commit waits ";
  return words + (settings.waits_until_visible()
                      ? "for this source, which waits for the commit"
                      : "until its events are delivered, also while the sink is away, if no other standby is there");
}

std::string synchronous_fix() {
  return "ALTER SYSTEM SET synchronous_standby_names = '…', with each standby's name; SELECT pg_reload_conf();";
}

Status check_wal_database(const WalDatabase& database, const WalSettings& settings) {
  if (database.wal_level != "logical")
    return fail(codes::kWalNotLogical, "wal_level of the server is " + database.wal_level);
  if (!database.may_replicate)
    return fail(codes::kWalUnauthorized, "role " + database.role + " may not replicate: " + replication_fix(database));
  if (!database.table) return {};
  const std::string table = "table " + settings.rows.table.to_string();
  if (database.table->table_oid == 0) return fail(codes::kOutboxTableMissing, "there is no " + table);
  if (database.table->kind == outbox::PostgresColumns::Kind::kOther)
    return fail(codes::kOutboxTableMissing, settings.rows.table.to_string() + " is a view or a foreign table");
  if (settings.settle == WalSettings::Settle::kKeep) return {};
  if (!may_delete(*database.table, settings))
    return fail(codes::kOutboxUnauthorized,
                "role " + database.role + " may not delete settled rows: " + removal_fix(database, settings));
  if (database.table->hides_rows) return fail(hidden_rows_stay(*database.table, settings));
  return {};
}

Status check_left_out(const WalDatabase& database) {
  if (database.left_out.empty()) return {};
  return fail(codes::kOutboxTableMissing, database.left_out +
                                              ". Poll the table (kind = \"outbox\"), or make plain columns of"
                                              " generated ones, partitions of tables that inherit, and logged tables"
                                              " of partitions that are not (ALTER TABLE … SET LOGGED).");
}

std::string publication_fault(const WalDatabase& database, const WalSettings& settings) {
  const bool partitioned = database.table && database.table->kind == outbox::PostgresColumns::Kind::kPartitioned;
  return publication_fault(database.publication, partitioned, settings);
}

std::string publication_fault(const std::optional<PublicationState>& publication, bool table_is_partitioned,
                              const WalSettings& settings) {
  const std::string name = "publication " + settings.publication;
  if (!publication) return "there is no " + name;
  if (settings.reads_messages()) return {};
  if (!publication->publishes_inserts) return name + " publishes no inserts";
  const std::string of_table = " of table " + settings.rows.table.to_string();
  if (!publication->row_filter.empty())
    return name + " has a row filter: rows" + of_table + " that it leaves out would be lost";
  if (!publication->missing_columns.empty())
    return name + " leaves out mapped columns" + of_table + ": " + publication->missing_columns;
  if (publication->has_table) return {};
  if (table_is_partitioned && !publication->via_root)
    return name + " publishes the partitions of " + settings.rows.table.to_string() + " under their own names";
  return name + " does not have table " + settings.rows.table.to_string();
}

std::string publication_fix(const WalDatabase& database, const WalSettings& settings) {
  if (!database.publication) return create_publication_statement(settings, database.generated);
  const std::string alter = "ALTER PUBLICATION " + outbox::quoted_identifier(settings.publication);
  if (!database.publication->publishes_inserts)
    return alter + " SET (publish = '" + database.publication->with_inserts + "');";
  const bool partitioned = database.table && database.table->kind == outbox::PostgresColumns::Kind::kPartitioned;
  if (partitioned && !database.publication->via_root) return alter + " SET (publish_via_partition_root = true);";
  const std::string add = alter + " ADD TABLE " + settings.rows.table.quoted() + ";";
  if (!database.publication->has_table) return add;
  if (!database.publication->missing_columns.empty() && database.publication->row_filter.empty() &&
      database.publication->missing == PublicationState::Missing::kGenerated)
    return alter + " SET (publish_generated_columns = stored);";
  return "BEGIN; " + alter + " DROP TABLE " + settings.rows.table.quoted() + "; " + add + " COMMIT;";
}

ChangeReader::TableNow table_now(const WalDatabase& database) {
  ChangeReader::TableNow now;
  if (!database.table) return now;
  now.oid = static_cast<std::uint32_t>(database.table->table_oid);
  now.texts = database.table->texts;
  for (const outbox::PostgresColumn& column : database.table->columns) now.types.emplace(column.name, column.type);
  return now;
}

Result<bool> table_fits(Session& session, const WalSettings& settings, Deadline deadline, std::stop_token stop) {
  const auto table = outbox::load_postgres_columns(session, settings.rows, deadline, std::move(stop));
  if (!table) return fail(table.error());
  outbox::RowShape shape{settings.rows.order_by, {}};
  for (const outbox::PostgresColumn& column : table->columns) shape.columns.push_back({column.name, column.type});
  return outbox::find_role_columns(settings.rows, shape).has_value();
}

}  // namespace penstock::wal
