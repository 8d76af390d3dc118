#include <algorithm>
#include <optional>

#include "connectors/outbox/connection_fix.h"
#include "connectors/outbox/inspection.h"
#include "connectors/outbox/tracked_table.h"
#include "connectors/wal/wal_database.h"
#include "connectors/wal/wal_session.h"
#include "connectors/wal/wal_source.h"
#include "connectors/wal/walsender_watch.h"
#include "core/rest.h"

namespace penstock::wal {
namespace {

using store::postgres::Parameters;
using store::postgres::Session;
using store::postgres::SessionSettings;
using store::postgres::Statement;

constexpr std::chrono::seconds kReaderSpeaksWithin{5};
constexpr std::chrono::milliseconds kBetweenLooks{500};

// Of all that may have written something, in any database.
const Statement kOldestTransaction{
    "",
    "SELECT t.pid::int8, t.name, coalesce(extract(epoch FROM clock_timestamp() - t.since), -1)::int8 FROM"
    " (SELECT a.pid, a.application_name AS name, a.xact_start AS since, a.backend_xid AS xid FROM pg_stat_activity a"
    "  WHERE a.backend_xid IS NOT NULL AND a.pid <> pg_backend_pid()"
    "  UNION ALL SELECT 0, p.gid, p.prepared, p.transaction FROM pg_prepared_xacts p) AS t"
    " ORDER BY age(t.xid) DESC LIMIT 1"};

// What keeps a slot from moving on, or from being made.
struct OpenTransaction {
  std::int64_t pid = 0;      // 0: a prepared one
  std::string name;          // of its application, or the one that it was prepared under
  std::int64_t seconds = 0;  // below 0: our role may not see it
  std::string role;          // ours

  std::string words() const {
    const std::string application = name.empty() ? "" : " (" + name + ")";
    return (pid == 0 ? "prepared transaction " + name : "pid " + std::to_string(pid) + application) +
           (seconds < 0 ? ", open since a time that GRANT pg_read_all_stats TO " + role + " would show"
                        : ", open for " + std::to_string(seconds) + " s");
  }
  std::string fix() const {
    if (pid == 0) return "COMMIT PREPARED or ROLLBACK PREPARED '" + name + "', in its database";
    return "let it end its transaction, or SELECT pg_terminate_backend(" + std::to_string(pid) + ");";
  }
};

// nullopt where there is none, or the server doesn't say.
std::optional<OpenTransaction> find_oldest_transaction(Session& session, const std::string& role, Deadline deadline) {
  const auto rows = session.run(kOldestTransaction, Parameters(), deadline);
  if (!rows || rows->empty()) return std::nullopt;
  return OpenTransaction{rows->integer(0, 0), std::string(rows->bytes(0, 1)), rows->integer(0, 2), role};
}

void inspect_removal(const outbox::PostgresColumns& table, const WalSettings& settings,
                     outbox::Inspection& inspection) {
  const std::string& id = *settings.rows.column_of(outbox::Role::kId);
  // A unique index of a partitioned table takes in the partition key.
  if (table.find(id) != nullptr && !table.id_is_indexed)
    inspection.warn(
        "column `" + id + "` has no index, and settled rows are deleted by it: each deletion reads the whole table",
        table.kind == outbox::PostgresColumns::Kind::kPartitioned
            ? "CREATE INDEX ON " + settings.rows.table.quoted() + " (" + outbox::quoted_identifier(id) + ");"
            : outbox::create_id_index_statement(settings.rows));
  if (!table.before_delete.empty())
    inspection.warn(
        table.before_delete + " may keep a row though settle = \"delete\" settled it: the source would stop there",
        "See that the trigger or rule lets role " + table.role + " delete rows.");
}

void inspect_table(const WalDatabase& database, const WalSettings& settings, outbox::Inspection& inspection) {
  if (!database.table || database.table->table_oid == 0) return;
  for (const outbox::Role role : outbox::kRoles) {
    const std::string* column = settings.rows.column_of(role);
    if (column != nullptr && database.table->find(*column) == nullptr)
      inspection.error("there is no column `" + *column + "`, which is mapped to " + std::string(to_string(role)),
                       "correct [source.columns], or ALTER TABLE " + settings.rows.table.quoted() + " ADD COLUMN " +
                           outbox::quoted_identifier(*column) + " …;");
  }
  if (settings.settle == WalSettings::Settle::kDelete) inspect_removal(*database.table, settings, inspection);
}

// `penstock run` makes both at its first start. A slot alone is not enough: it sees only a publication that is older.
bool creates_publication(const WalDatabase& database, const WalSettings& settings) {
  return !database.publication && !database.slot && settings.create == WalSettings::Create::kYes;
}
bool creates_slot(const WalDatabase& database, const WalSettings& settings) {
  return !database.slot && settings.create == WalSettings::Create::kYes;
}

void inspect_publication(const WalDatabase& database, const WalSettings& settings, outbox::Inspection& inspection) {
  if (database.publication && database.publication->hinders_changes)
    inspection.error("publication " + settings.publication + " publishes updates and deletes, and table " +
                         settings.rows.table.to_string() +
                         " has no replica identity: the UPDATE and DELETE of the services fail",
                     "ALTER TABLE " + settings.rows.table.quoted() +
                         " ADD PRIMARY KEY (…); or, which leaves a gap to be acknowledged, ALTER PUBLICATION " +
                         outbox::quoted_identifier(settings.publication) +
                         " SET (publish = 'insert'); which takes updates and deletes away from its other readers, too");
  const std::string fault = publication_fault(database, settings);
  if (fault.empty() || (creates_publication(database, settings) && database.may_publish)) return;
  const bool may_not = creates_publication(database, settings);
  inspection.error(may_not ? fault + ", and role " + database.role +
                                 " may not make it: that takes CREATE on the database and the table's ownership"
                           : fault,
                   publication_fix(database, settings));
}

// What is near its end because the source is slow, or because a transaction that runs for long may still be needed.
void inspect_room(const SlotRoom& room, const std::optional<OpenTransaction>& oldest, const WalSettings& settings,
                  outbox::Inspection& inspection) {
  if (!room.safe_bytes || *room.safe_bytes >= room.limit_bytes / 2) return;
  const std::string words = "slot " + settings.slot + " (" + room.wal_status + ") is given up after " +
                            std::to_string(*room.safe_bytes >> 20) + " MB more of log, of " +
                            std::to_string(room.limit_bytes >> 20) + " MB";
  if (room.unread_bytes < room.retained_bytes / 2 && oldest)
    inspection.warn(words + "; most of it was read, and is kept for transactions that still run: " + oldest->words(),
                    oldest->fix());
  else
    inspection.warn(words, "let the source catch up, or raise max_slot_wal_keep_size");
}

void inspect_slot(const WalDatabase& database, const WalSettings& settings, int version,
                  const std::optional<OpenTransaction>& oldest, outbox::Inspection& inspection) {
  if (!database.slot) {
    if (!creates_slot(database, settings))
      inspection.error("there is no slot " + settings.slot, create_slot_statement(settings, version));
    return;
  }
  if (auto fits = check_slot(*database.slot, settings.slot, database.database); !fits) {
    inspection.error(fits.error().message(), "name another slot in `slot`");
    return;
  }
  const bool is_lost = database.slot->wal_status == "lost";
  if (!is_lost && !database.slot->confirmed_flush && database.slot_is_active)
    inspection.warn("slot " + settings.slot + " is being made: it waits for every transaction that ran when it began" +
                        (oldest ? ", the oldest being " + oldest->words() : ""),
                    oldest ? oldest->fix() : "look again");
  else if (is_lost || !database.slot->confirmed_flush)
    inspection.error("slot " + settings.slot + " was invalidated: what it had not delivered may be missing",
                     settings.create == WalSettings::Create::kYes
                         ? "`penstock run` puts the gap on record and makes a new slot; then `penstock gaps ls`"
                         : drop_slot_statement(settings) + " " + create_slot_statement(settings, version));
  inspect_room(database.room, oldest, settings, inspection);
  if (!database.survives_failover)
    inspection.warn("slot " + settings.slot + " is not carried over to a standby, and is lost in a failover",
                    "psql 'replication=database …' -c 'ALTER_REPLICATION_SLOT " + settings.slot +
                        " (FAILOVER true)', while the source is stopped: the server waits until nobody reads the slot");
}

// A reader that lives says so every few seconds. Looked at for so long only where it has been silent already; where our
// role may not see that, the running program says it.
bool is_deaf(const Walsender& walsender, Session& session, const WalSettings& settings, Deadline deadline) {
  if (walsender.reader == Walsender::Reader::kSpeaks) return false;
  const Deadline soon = Deadline::at(std::min(deadline.time(), Deadline::in(kReaderSpeaksWithin).time()));
  while (!soon.expired()) {
    rest(kBetweenLooks, {});
    const auto again = load_walsender(session, settings, deadline, {});
    if (!again || !*again || (*again)->pid != walsender.pid || (*again)->last_heard != walsender.last_heard)
      return false;
  }
  return true;
}

void inspect_walsender(Session& session, const WalSettings& settings, Deadline deadline,
                       outbox::Inspection& inspection) {
  const auto holder = load_walsender(session, settings, deadline, {});
  if (!holder || !*holder || !is_deaf(**holder, session, settings, deadline)) return;
  const std::string pid = std::to_string((*holder)->pid);
  inspection.warn("slot " + settings.slot + " is held by walsender pid " + pid +
                      ", which takes nothing of what its reader says: it hangs, or works on something large",
                  "look again; if it stays so, SELECT pg_terminate_backend(" + pid +
                      "); a process that was stopped also needs SIGCONT");
}

void inspect_server(const WalDatabase& database, const WalSettings& settings, outbox::Inspection& inspection) {
  if (!database.may_replicate)
    inspection.error("role " + database.role + " may not replicate", replication_fix(database));
  else if (auto checked = check_wal_database(database, settings); !checked)
    inspection.error(checked.error().message(), &checked.error().code() == &codes::kOutboxUnauthorized
                                                    ? removal_fix(database, settings)
                                                    : std::string(checked.error().code().hint));
  else if (auto whole = check_left_out(database); !whole)
    inspection.error(whole.error().message(), std::string(whole.error().code().hint));
  const std::string waits = synchronous_fault(database, settings);
  if (!waits.empty() && settings.waits_until_visible())
    inspection.error(waits, synchronous_fix());
  else if (!waits.empty())
    inspection.warn(waits, synchronous_fix());
  if (database.slot_limit_bytes < 0)
    inspection.warn("max_slot_wal_keep_size is unlimited: while this source is away, the log fills the disk",
                    "ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf();");
  if (database.other_idle_slots > 0)
    inspection.warn(std::to_string(database.other_idle_slots) + " other slots are read by nobody and keep the log",
                    "SELECT slot_name, pg_size_pretty(pg_current_wal_lsn() - restart_lsn) FROM pg_replication_slots"
                    " WHERE NOT active;");
}

// Behind pgbouncer a replication session is refused or ends up in its admin console.
void inspect_replication(const SessionSettings& wanted, Deadline deadline, outbox::Inspection& inspection) {
  if (const auto replication = Session::open(for_replication(wanted), deadline); !replication)
    inspection.error("a replication session is refused: " + replication.error().message(),
                     "let pg_hba.conf admit the role, and name the server itself in `url`, not a pooler");
}

}  // namespace

std::vector<connectors::Finding> inspect_wal(const WalSettings& settings, Deadline deadline) {
  outbox::Inspection inspection(settings.reads_messages() ? "wal source of " + settings.rows.table.to_string()
                                                          : "wal source of table " + settings.rows.table.to_string());
  const SessionSettings wanted = session_settings_of(settings, "penstock validate");
  const auto session = Session::open(wanted, deadline);
  if (!session) {
    inspection.error(session.error().message() + " [" + std::string(session.error().code().name) + "]",
                     outbox::connection_fix(session.error(), settings.rows.url));
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
  inspect_slot(*database, settings, (*session)->server().version,
               find_oldest_transaction(**session, database->role, deadline), inspection);
  if (database->slot_is_active) inspect_walsender(**session, settings, deadline, inspection);
  std::string well = "reached, wal_level is " + database->wal_level;
  if (creates_publication(*database, settings))
    well += "; a first `penstock run` creates publication " + settings.publication;
  if (creates_slot(*database, settings)) well += "; a first `penstock run` creates slot " + settings.slot;
  inspection.ok_if_no_error(std::move(well));
  return std::move(inspection).findings();
}

}  // namespace penstock::wal
