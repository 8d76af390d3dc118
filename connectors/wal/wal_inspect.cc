#include "connectors/outbox/inspection.h"
#include "connectors/wal/wal_database.h"
#include "connectors/wal/wal_errors.h"
#include "connectors/wal/wal_source.h"

namespace penstock::wal {
namespace {

using store::postgres::Session;
using store::postgres::SessionSettings;

void inspect_table(const WalDatabase& database, const WalSettings& settings, outbox::Inspection& inspection) {
  if (!database.table || database.table->table_oid == 0) return;
  for (const outbox::Role role : outbox::kRoles) {
    const std::string* column = settings.rows.column_of(role);
    if (column != nullptr && database.table->find(*column) == nullptr)
      inspection.error("there is no column `" + *column + "`, which is mapped to " + std::string(to_string(role)),
                       "correct [source.columns], or ALTER TABLE " + settings.rows.table.quoted() + " ADD COLUMN " +
                           outbox::quoted_identifier(*column) + " …;");
  }
}

// `penstock run` makes both at its first start. A slot alone is not enough: it sees only a publication that is older.
bool creates_publication(const WalDatabase& database, const WalSettings& settings) {
  return !database.publication && !database.slot && settings.create == WalSettings::Create::kYes;
}
bool creates_slot(const WalDatabase& database, const WalSettings& settings) {
  return !database.slot && settings.create == WalSettings::Create::kYes;
}

void inspect_publication(const WalDatabase& database, const WalSettings& settings, outbox::Inspection& inspection) {
  const std::string fault = publication_fault(database, settings);
  if (fault.empty() || (creates_publication(database, settings) && database.may_publish)) return;
  const bool may_not = creates_publication(database, settings);
  inspection.error(may_not ? fault + ", and role " + database.role +
                                 " may not make it: that takes CREATE on the database and the table's ownership"
                           : fault,
                   publication_fix(database, settings));
}

void inspect_slot(const WalDatabase& database, const WalSettings& settings, int version,
                  outbox::Inspection& inspection) {
  if (!database.slot) {
    if (!creates_slot(database, settings))
      inspection.error("there is no slot " + settings.slot, create_slot_statement(settings, version));
    return;
  }
  if (database.slot->kind != "logical") {
    inspection.error("slot " + settings.slot + " is a " + database.slot->kind + " one", "name another slot in `slot`");
    return;
  }
  if (database.slot->plugin != "pgoutput" || database.slot->database != database.database)
    inspection.error(
        "slot " + settings.slot + " is of plugin " + database.slot->plugin + " and database " + database.slot->database,
        "name another slot in `slot`");
  const bool is_lost = database.slot->wal_status == "lost";
  if (!is_lost && !database.slot->confirmed_flush && database.slot_is_active)
    inspection.warn(
        "slot " + settings.slot + " is being made: it waits for every transaction that ran when it began",
        "SELECT pid, application_name, xact_start, state FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
        " ORDER BY xact_start; SELECT gid, owner, prepared FROM pg_prepared_xacts;");
  else if (is_lost || !database.slot->confirmed_flush)
    inspection.error("slot " + settings.slot + " was invalidated: what it had not delivered may be missing",
                     settings.create == WalSettings::Create::kYes
                         ? "`penstock run` puts the gap on record and makes a new slot; then `penstock gaps ls`"
                         : drop_slot_statement(settings) + " " + create_slot_statement(settings, version));
  const SlotRoom& room = database.room;
  if (room.safe_bytes && *room.safe_bytes < room.limit_bytes / 2)
    inspection.warn("slot " + settings.slot + " (" + room.wal_status + ") is given up after " +
                        std::to_string(*room.safe_bytes >> 20) + " MB more of log, of " +
                        std::to_string(room.limit_bytes >> 20) + " MB",
                    "let the source catch up, or raise max_slot_wal_keep_size");
  if (!database.survives_failover)
    inspection.warn("slot " + settings.slot + " is not carried over to a standby, and is lost in a failover",
                    "psql 'replication=database …' -c 'ALTER_REPLICATION_SLOT " + settings.slot + " (FAILOVER true)'");
}

void inspect_server(const WalDatabase& database, const WalSettings& settings, outbox::Inspection& inspection) {
  if (!database.may_replicate)
    inspection.error("role " + database.role + " may not replicate", "ALTER ROLE " + database.role + " REPLICATION;");
  else if (auto checked = check_wal_database(database, settings); !checked)
    inspection.error(checked.error().message(), std::string(checked.error().code().hint));
  if (database.slot && database.room.limit_bytes < 0)
    inspection.warn("max_slot_wal_keep_size is unlimited: while this source is away, the log fills the disk",
                    "ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf();");
  if (database.other_idle_slots > 0)
    inspection.warn(std::to_string(database.other_idle_slots) + " other slots are read by nobody and keep the log",
                    "SELECT slot_name, pg_size_pretty(pg_current_wal_lsn() - restart_lsn) FROM pg_replication_slots"
                    " WHERE NOT active;");
}

// Behind pgbouncer a replication session is refused or ends up in its admin console.
void inspect_replication(SessionSettings wanted, Deadline deadline, outbox::Inspection& inspection) {
  wanted.kind = SessionSettings::Kind::kReplication;
  if (const auto replication = Session::open(wanted, deadline); !replication)
    inspection.error("a replication session is refused: " + replication.error().message(),
                     "let pg_hba.conf admit the role, and name the server itself in `url`, not a pooler");
}

}  // namespace

std::vector<connectors::Finding> inspect_wal(const WalSettings& settings, Deadline deadline) {
  outbox::Inspection inspection(settings.reads_messages() ? "wal source of " + settings.rows.table.to_string()
                                                          : "wal source of table " + settings.rows.table.to_string());
  SessionSettings wanted;
  wanted.url = settings.rows.url;
  wanted.application_name = "penstock validate";
  wanted.code_of = code_of_postgres;
  const auto session = Session::open(wanted, deadline);
  if (!session) {
    inspection.error(session.error().message() + " [" + std::string(session.error().code().name) + "]",
                     store::postgres::psql_command(settings.rows.url));
    return std::move(inspection).findings();
  }
  if ((*session)->server().role == store::postgres::ServerFacts::Role::kStandby)
    inspection.error("the server is a standby, whose log is not read", "Connect to the primary.");
  const auto database = load_wal_database(**session, settings, deadline, {});
  if (!database) {
    inspection.error(database.error().message(), std::string(database.error().code().hint));
    return std::move(inspection).findings();
  }
  inspect_server(*database, settings, inspection);
  if (database->may_replicate) inspect_replication(wanted, deadline, inspection);
  inspect_table(*database, settings, inspection);
  inspect_publication(*database, settings, inspection);
  inspect_slot(*database, settings, (*session)->server().version, inspection);
  std::string well = "reached, wal_level is " + database->wal_level;
  if (creates_publication(*database, settings)) well += "; `penstock run` creates publication " + settings.publication;
  if (creates_slot(*database, settings)) well += "; `penstock run` creates slot " + settings.slot;
  inspection.ok_if_no_error(std::move(well));
  return std::move(inspection).findings();
}

}  // namespace penstock::wal
