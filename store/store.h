// One store: a database and the contracts over it. Made by store/postgres or store/sqlite; handed to
// routes and commands by the composition root.
//
// Errors of every call that asks the database, beside those that its contract names: store.unavailable, store.busy and
// core.stopped, after which the same call may work later; store.in_doubt, of a write without an answer;
// store.disk_full, store.read_only, store.unauthorized, store.database_missing, store.schema_missing,
// store.foreign_database and store.unsupported_server, which an operator has to mend; store.corrupt; core.internal.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/log.h"
#include "core/secret.h"
#include "core/source_checkpoints.h"
#include "store/attempts.h"
#include "store/checkpoints.h"
#include "store/event_log.h"
#include "store/event_store.h"
#include "store/gaps.h"
#include "store/integrity.h"
#include "store/leases.h"
#include "store/parked_events.h"
#include "store/retention.h"
#include "store/route_states.h"

namespace penstock::store {

// How long a store that is destroyed goes on with the appends that wait; the rest is refused.
inline constexpr std::chrono::seconds kStoreDrain{2};

struct StoreSettings {
  Secret url;                       // "sqlite:<path>" or "postgresql://…" / libpq keywords
  std::string schema = "penstock";  // Postgres only
  AppendLimits limits;
  std::size_t queue_bytes = 64 << 20;  // appends that wait; beyond: store.queue_full
  std::size_t tail_bytes = 16 << 20;   // newest events kept in memory for those who follow the log
  // Postgres only: when what others wrote by the SQL functions gets its positions from this program, with
  // each of its appends, or within milliseconds also while it appends nothing. Who watches also gives these
  // functions its limits, in migrate().
  enum class Inbox { kSweptByAppends, kWatched } inbox = Inbox::kSweptByAppends;
};

// A numbered migration, embedded in the program.
struct Migration {
  int number;
  std::string name;
  std::string sql;
};

struct MigrationPlan {
  int current = 0;  // of the database; 0 = none yet
  std::vector<Migration> pending;
};

// Owns its connections and threads; destroying it ends them. A store whose database is away can be
// made and answers store.unavailable until it is back: sessions are opened when they are needed.
class Store {
 public:
  virtual ~Store() = default;

  virtual std::string_view backend() const = 0;  // "postgres" or "sqlite"
  virtual Result<MigrationPlan> plan_migration() = 0;
  // Runs what is pending under a lock; two programs may call it at once. Error:
  // store.schema_too_new when the database is newer than this program.
  virtual Status migrate() = 0;
  // The SQL that an administrator runs to make the roles of this store; nullopt where a backend has none.
  virtual std::optional<std::string> roles_sql() const = 0;
  virtual Result<StoreIdentity> identity() = 0;
  // Whether an import has begun and not ended: the store is closed to all others (store/transfer.h).
  virtual Result<bool> is_importing() = 0;
  // Proves what must hold of the whole store, claim by claim. Reads all of it: for operators.
  virtual Result<std::vector<IntegrityCheck>> check_integrity() = 0;

  virtual EventStore& events() = 0;
  virtual EventLog& log() = 0;
  virtual Checkpoints& checkpoints() = 0;
  virtual SourceCheckpoints& source_checkpoints() = 0;
  virtual Leases& leases() = 0;
  virtual ParkedEvents& parked() = 0;
  virtual RouteStates& route_states() = 0;
  virtual Retention& retention() = 0;
  virtual Gaps& gaps() = 0;
  virtual Attempts& attempts() = 0;
};

}  // namespace penstock::store
