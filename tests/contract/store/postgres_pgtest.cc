#include "store/postgres/postgres_store.h"
#include "store/postgres/session.h"
#include "tests/contract/store/store_contract.h"
#include "tests/support/recording_log.h"
#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

class PostgresBackend final : public StoreBackend {
 public:
  PostgresBackend() {
    const auto administrator = open_as("postgres");
    if (const Status migrated = administrator->migrate(); !migrated)
      throw std::runtime_error(migrated.error().describe());
    database_.execute(*administrator->roles_sql());
  }

  std::unique_ptr<store::Store> open(store::StoreSettings settings) override {
    // Whatever a program does, it does with no more than these rights.
    return open_as("penstock_runtime", std::move(settings));
  }
  void take_away() override {
    maintain("ALTER DATABASE " + name() + " ALLOW_CONNECTIONS false");
    maintain("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = " +
             store::postgres::quote_literal(database_.name()));
  }
  void bring_back() override { maintain("ALTER DATABASE " + name() + " ALLOW_CONNECTIONS true"); }
  void age(std::chrono::seconds by) override {
    const std::string interval = "interval '" + std::to_string(by.count()) + " seconds'";
    database_.execute("UPDATE penstock.leases SET expires_at = expires_at - " + interval);
    database_.execute("UPDATE penstock.route_state SET updated_at = updated_at - " + interval);
  }

 private:
  std::unique_ptr<store::Store> open_as(const std::string& role, store::StoreSettings settings = {}) {
    settings.url = Secret(database_.url() + "?options=-c%20role%3D" + role);
    return std::move(store::postgres::make_postgres_store(std::move(settings), "contract", log_).value());
  }
  std::string name() const { return store::postgres::quote_identifier(database_.name()); }
  static void maintain(const std::string& sql) {
    store::postgres::SessionSettings settings;
    settings.url = Secret(address_of(Server::kPostgres));
    auto session = store::postgres::Session::open(settings, soon());
    if (!session) throw std::runtime_error(session.error().describe());
    if (auto done = (*session)->execute(sql, soon()); !done) throw std::runtime_error(done.error().describe());
  }

  FreshDatabase database_;
  RecordingLog log_;
};

const BackendKind kPostgres{"Postgres", [] { return std::make_unique<PostgresBackend>(); },
                            [] { return reason_missing(Server::kPostgres); }};

PENSTOCK_RUN_STORE_CONTRACT(Store, kPostgres);

}  // namespace
}  // namespace penstock::tests
