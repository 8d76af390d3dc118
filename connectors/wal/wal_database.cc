#include "connectors/wal/wal_database.h"

namespace penstock::wal {
namespace {

using store::postgres::Parameters;
using store::postgres::Rows;
using store::postgres::Session;
using store::postgres::Statement;

const Statement kServer{"",
                        "SELECT current_database()::text, quote_ident(current_user), current_setting('wal_level'),"
                        " coalesce((SELECT r.rolreplication OR r.rolsuper FROM pg_roles r"
                        "  WHERE r.rolname = current_user), false),"
                        " (SELECT count(*) FROM pg_replication_slots o WHERE NOT o.active AND o.slot_name <> $1),"
                        " has_database_privilege(current_database(), 'CREATE') AND NOT EXISTS (SELECT FROM pg_class c"
                        "  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $2 AND c.relname = $3"
                        "  AND NOT pg_has_role(c.relowner, 'USAGE'))"};

const Statement kPublication{"",
                             "SELECT p.pubinsert, p.pubviaroot, EXISTS (SELECT FROM pg_publication_tables t"
                             " WHERE t.pubname = p.pubname AND t.schemaname = $2 AND t.tablename = $3),"
                             " pg_get_userbyid(p.pubowner) = current_user FROM pg_publication p WHERE p.pubname = $1"};

const Statement kSlot{"",
                      "SELECT coalesce(s.plugin::text, ''), s.slot_type::text, coalesce(s.database::text, ''),"
                      " coalesce(s.wal_status::text, ''), s.confirmed_flush_lsn::text, s.active, s.safe_wal_size,"
                      " (SELECT g.setting::int8 * 1048576 FROM pg_settings g WHERE g.name = 'max_slot_wal_keep_size'),"
                      " coalesce(to_jsonb(s) ->> 'failover', ''),"  // PostgreSQL 17
                      " CASE WHEN NOT pg_is_in_recovery()"
                      "  THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::int8 END"
                      " FROM pg_replication_slots s WHERE s.slot_name = $1"};

SlotRoom room_of(const Rows& slot) {
  SlotRoom room{std::string(slot.bytes(0, 3)), std::nullopt, slot.integer(0, 7)};
  if (!slot.is_null(0, 6)) room.safe_bytes = slot.integer(0, 6);
  if (!slot.is_null(0, 9)) room.retained_bytes = slot.integer(0, 9);
  return room;
}

}  // namespace

Result<WalDatabase> load_wal_database(Session& session, const WalSettings& settings, Deadline deadline,
                                      std::stop_token stop) {
  Parameters server_names, slot_name, publication;
  server_names.text(settings.slot).text(settings.rows.table.schema).text(settings.rows.table.name);
  slot_name.text(settings.slot);
  publication.text(settings.publication).text(settings.rows.table.schema).text(settings.rows.table.name);
  const store::postgres::Call calls[] = {
      {&kServer, &server_names}, {&kPublication, &publication}, {&kSlot, &slot_name}};
  const auto answers = session.run_pipeline(calls, deadline, stop);
  if (!answers) return fail(answers.error());
  const Rows &server = (*answers)[0], &published = (*answers)[1], &slot = (*answers)[2];
  WalDatabase found;
  found.database = server.bytes(0, 0);
  found.role = server.bytes(0, 1);
  found.wal_level = server.bytes(0, 2);
  found.may_replicate = server.boolean(0, 3);
  found.other_idle_slots = server.integer(0, 4);
  found.may_publish = server.boolean(0, 5);
  if (!published.empty())
    found.publication = {published.boolean(0, 0), published.boolean(0, 1), published.boolean(0, 2),
                         published.boolean(0, 3)};
  if (!slot.empty()) {
    found.slot = {std::string(slot.bytes(0, 0)), std::string(slot.bytes(0, 1)), std::string(slot.bytes(0, 2)),
                  std::string(slot.bytes(0, 3)), std::nullopt};
    if (!slot.is_null(0, 4)) found.slot->confirmed_flush = parse_lsn(slot.bytes(0, 4));
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

Result<std::optional<SlotRoom>> load_slot_room(Session& session, const WalSettings& settings, Deadline deadline) {
  Parameters slot_name;
  slot_name.text(settings.slot);
  const auto slot = session.run(kSlot, slot_name, deadline);
  if (!slot) return fail(slot.error());
  if (slot->empty()) return std::nullopt;
  return room_of(*slot);
}

Status check_wal_database(const WalDatabase& database, const WalSettings& settings) {
  if (database.wal_level != "logical")
    return fail(codes::kWalNotLogical, "wal_level of the server is " + database.wal_level);
  if (!database.may_replicate)
    return fail(codes::kWalUnauthorized,
                "role " + database.role + " may not replicate: ALTER ROLE " + database.role + " REPLICATION;");
  if (!database.table) return {};
  const std::string table = "table " + settings.rows.table.to_string();
  if (database.table->table_oid == 0) return fail(codes::kOutboxTableMissing, "there is no " + table);
  if (database.table->kind == outbox::PostgresColumns::Kind::kOther)
    return fail(codes::kOutboxTableMissing, settings.rows.table.to_string() + " is a view or a foreign table");
  const std::string* id = settings.rows.column_of(outbox::Role::kId);
  if (settings.settle == WalSettings::Settle::kDelete && id != nullptr) {
    const outbox::PostgresColumn* column = database.table->find(*id);
    if (!database.table->may_use_schema || !database.table->may_delete || (column != nullptr && !column->may_select))
      return fail(codes::kOutboxUnauthorized,
                  "role " + database.role + " may not delete settled rows: GRANT USAGE ON SCHEMA " +
                      outbox::quoted_identifier(settings.rows.table.schema) + " TO " + database.role +
                      "; GRANT SELECT (" + outbox::quoted_identifier(*id) + "), DELETE ON " +
                      settings.rows.table.quoted() + " TO " + database.role + ";");
  }
  return {};
}

std::string publication_fault(const WalDatabase& database, const WalSettings& settings) {
  const std::string name = "publication " + settings.publication;
  if (!database.publication) return "there is no " + name;
  if (settings.reads_messages()) return {};
  if (!database.publication->publishes_inserts) return name + " publishes no inserts";
  if (database.publication->has_table) return {};
  const bool partitioned = database.table && database.table->kind == outbox::PostgresColumns::Kind::kPartitioned;
  if (partitioned && !database.publication->via_root)
    return name + " publishes the partitions of " + settings.rows.table.to_string() + " under their own names";
  return name + " does not have table " + settings.rows.table.to_string();
}

std::string publication_fix(const WalDatabase& database, const WalSettings& settings) {
  if (!database.publication) return create_publication_statement(settings);
  const std::string alter = "ALTER PUBLICATION " + outbox::quoted_identifier(settings.publication);
  if (!database.publication->publishes_inserts) return alter + " SET (publish = 'insert');";
  const bool partitioned = database.table && database.table->kind == outbox::PostgresColumns::Kind::kPartitioned;
  if (partitioned && !database.publication->via_root) return alter + " SET (publish_via_partition_root = true);";
  return alter + " ADD TABLE " + settings.rows.table.quoted() + ";";
}

ChangeReader::KnownTypes known_types(const WalDatabase& database) {
  ChangeReader::KnownTypes types;
  if (database.table)
    for (const outbox::PostgresColumn& column : database.table->columns) types.emplace(column.name, column.type);
  return types;
}

}  // namespace penstock::wal
