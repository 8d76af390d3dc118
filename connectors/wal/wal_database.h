// What the database of a wal source looks like from a session in it: rights, publication, slot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "connectors/outbox/postgres_columns.h"
#include "connectors/wal/change_reader.h"
#include "connectors/wal/membership.h"
#include "connectors/wal/start_check.h"
#include "connectors/wal/wal_settings.h"
#include "store/postgres/session.h"

namespace penstock::wal {

struct PublicationState {
  bool publishes_inserts = false;
  std::string with_inserts;  // what it publishes, and inserts, as in SET (publish = …)
  bool via_root = false;
  bool has_table = false;       // under the name that the settings give
  std::string row_filter;       // empty: none
  std::string missing_columns;  // mapped ones that it leaves out; empty: none
  enum class Missing { kFromList, kGenerated } missing = Missing::kFromList;  // kGenerated: all of them, without a list
  bool hinders_changes = false;  // it publishes updates or deletes, and the table has no replica identity for them
  Membership membership;
  bool is_ours = false;  // the session's role made it
};

// How far the server is from giving the slot up.
struct SlotRoom {
  std::string wal_status;
  std::optional<std::int64_t> safe_bytes;  // empty: no limit
  std::int64_t limit_bytes = 0;            // max_slot_wal_keep_size; negative: none
  std::int64_t retained_bytes = 0;         // of log that is kept for it; 0 on a standby
  std::int64_t unread_bytes = 0;           // of log behind what was confirmed; 0 on a standby
};

// A commit stands in the log before others see it: a catalogue shows all that was committed before a place in the log
// once no transaction runs that had a number when the log ended there.
struct RunningTransactions {
  std::int64_t oldest = 0;  // that ran before the catalogue was looked at
  std::int64_t next = 0;    // one that was given after the place was taken
};

struct WalDatabase {
  std::string database, role, wal_level;
  std::int64_t slot_limit_bytes = 0;             // max_slot_wal_keep_size; negative: none
  bool may_replicate = false;                    // as far as the catalogue says
  bool may_publish = false;                      // make publications, and of the table
  std::optional<outbox::PostgresColumns> table;  // empty where messages are read
  std::string left_out;                          // of the table by the log, whatever is published; empty: nothing
  Generated generated = Generated::kNone;        // of the table's columns
  std::optional<PublicationState> publication;
  Lsn log_end;  // before the catalogue was looked at
  RunningTransactions running;
  std::optional<SlotState> slot;
  bool slot_is_active = false;
  bool survives_failover = true;  // as far as the server says
  SlotRoom room;
  std::int64_t other_idle_slots = 0;
  // Whether any session that takes the log counts as a synchronous standby, and so whoever reads the slot.
  bool waits_for_any_standby = false;
};

Result<WalDatabase> load_wal_database(store::postgres::Session& session, const WalSettings& settings, Deadline deadline,
                                      std::stop_token stop);

// What is published of the table, and where the log ended before that was looked at.
struct PublicationLook {
  std::optional<PublicationState> state;
  std::string left_out;  // as in WalDatabase
  Lsn at;
  RunningTransactions running;
};
Result<PublicationLook> look_at_publication(store::postgres::Session& session, const WalSettings& settings,
                                            Deadline deadline, std::stop_token stop);

// Who wrote to the table under a number below `transactions` and has not ended, the oldest; where the log ends if
// there is nobody.
struct EndOfWriters {
  std::string writer;  // "pid 4711 (batch)", "prepared transaction …"; empty: all have ended
  Lsn log_end;
};
Result<EndOfWriters> find_end_of_writers(store::postgres::Session& session, const WalDatabase& database,
                                         std::int64_t transactions, Deadline deadline, std::stop_token stop);

// Whether the table of `before` is there still, and gave its name away in an earlier transaction than the one that
// made the table of `now`. Of a table that was dropped, or renamed again, nobody knows: no.
Result<bool> gave_name_away_before(store::postgres::Session& session, const Membership& before, const Membership& now,
                                   Deadline deadline, std::stop_token stop);

// Up to where the slot has passed the log; nullopt: it is gone, or can't be read from.
Result<std::optional<Lsn>> load_slot_place(store::postgres::Session& session, const WalSettings& settings,
                                           Deadline deadline, std::stop_token stop);

// nullopt: the slot is gone.
Result<std::optional<SlotRoom>> load_slot_room(store::postgres::Session& session, const WalSettings& settings,
                                               Deadline deadline, std::stop_token stop);

// What keeps the log from being read, the first thing first, but for the slot; the message holds the
// statement that mends it. A missing publication is left to the one who may create it.
Status check_wal_database(const WalDatabase& database, const WalSettings& settings);
// Whether the log has the whole table. Behind the check above; a source puts on record first what it may have missed.
Status check_left_out(const WalDatabase& database);
// Where a commit of the services may wait for the source. Empty: it doesn't.
std::string synchronous_fault(const WalDatabase& database, const WalSettings& settings);
std::string synchronous_fix();
// For a role that may not replicate.
std::string replication_fix(const WalDatabase& database);
// With `settle = "delete"`, the statement that lets the role delete every row of the table; for one that may not
// (outbox.unauthorized).
std::string removal_fix(const WalDatabase& database, const WalSettings& settings);
// Of a table that hides_rows, for `settle = "delete"`: outbox.unauthorized.
Error hidden_rows_stay(const outbox::PostgresColumns& table, const WalSettings& settings);
// What is wrong with the publication; empty when nothing is.
std::string publication_fault(const std::optional<PublicationState>& publication, bool table_is_partitioned,
                              const WalSettings& settings);
std::string publication_fault(const WalDatabase& database, const WalSettings& settings);
// The statement that mends it.
std::string publication_fix(const WalDatabase& database, const WalSettings& settings);

ChangeReader::TableNow table_now(const WalDatabase& database);
// Whether the table has every mapped column today.
Result<bool> table_fits(store::postgres::Session& session, const WalSettings& settings, Deadline deadline,
                        std::stop_token stop);

}  // namespace penstock::wal
