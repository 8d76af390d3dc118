#include "store/sqlite/sqlite_store.h"

#include "store/sqlite/head_watch.h"
#include "store/sqlite/integrity.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/sqlite_attempts.h"
#include "store/sqlite/sqlite_checkpoints.h"
#include "store/sqlite/sqlite_events.h"
#include "store/sqlite/sqlite_gaps.h"
#include "store/sqlite/sqlite_leases.h"
#include "store/sqlite/sqlite_log.h"
#include "store/sqlite/sqlite_parked.h"
#include "store/sqlite/sqlite_retention.h"
#include "store/sqlite/sqlite_route_states.h"
#include "store/sqlite/sqlite_source_checkpoints.h"

namespace penstock::store::sqlite {
namespace {

constexpr std::string_view kScheme = "sqlite:";

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const StoreSettings& settings)
      : database_(path_of(settings.url)),
        events_(database_, watch_, {.queue_bytes = settings.queue_bytes, .limits = settings.limits}),
        log_(database_, watch_, settings.tail_bytes) {}
  ~SqliteStore() override { events_.stop(Deadline::in(kStoreDrain)); }

  std::string_view backend() const override { return "sqlite"; }
  Result<MigrationPlan> plan_migration() override { return sqlite::plan_migration(database_.path()); }
  Status migrate() override { return sqlite::migrate(database_.path()); }
  std::optional<std::string> roles_sql() const override { return std::nullopt; }
  Result<StoreIdentity> identity() override {
    return database_.read("reading the identity of the store", read_identity);
  }
  Result<bool> is_importing() override {
    return database_.read("reading the head", [](Connection& connection) -> Result<bool> {
      const auto importing = connection.read_number("SELECT importing FROM head");
      if (!importing) return fail(importing.error());
      return *importing != 0;
    });
  }

  Result<std::vector<IntegrityCheck>> check_integrity() override {
    return database_.read("checking the store", sqlite::check_integrity);
  }

  EventStore& events() override { return events_; }
  EventLog& log() override { return log_; }
  Checkpoints& checkpoints() override { return checkpoints_; }
  SourceCheckpoints& source_checkpoints() override { return source_checkpoints_; }
  Leases& leases() override { return leases_; }
  ParkedEvents& parked() override { return parked_; }
  RouteStates& route_states() override { return route_states_; }
  Retention& retention() override { return retention_; }
  Gaps& gaps() override { return gaps_; }
  Attempts& attempts() override { return attempts_; }

 private:
  Database database_;
  HeadWatch watch_{database_};
  SqliteEvents events_;
  SqliteLog log_;
  SqliteCheckpoints checkpoints_{database_};
  SqliteSourceCheckpoints source_checkpoints_{database_};
  SqliteLeases leases_{database_};
  SqliteParked parked_{database_};
  SqliteRouteStates route_states_{database_};
  SqliteRetention retention_{database_};
  SqliteGaps gaps_{database_};
  SqliteAttempts attempts_{database_};
};

}  // namespace

std::string path_of(const Secret& url) {
  const std::string& text = url.reveal();
  return text.starts_with(kScheme) ? text.substr(kScheme.size()) : text;
}

std::unique_ptr<Store> make_sqlite_store(const StoreSettings& settings) {
  return std::make_unique<SqliteStore>(settings);
}

}  // namespace penstock::store::sqlite
