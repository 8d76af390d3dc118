#include <stdexcept>

#include "store/postgres/postgres_store.h"
#include "store/postgres/postgres_transfer.h"
#include "tests/contract/transfer/transfer_contract.h"
#include "tests/support/recording_log.h"
#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

class PostgresEnd final : public TransferEnd {
 public:
  PostgresEnd() {
    const auto administrator = open_as("postgres");
    if (auto migrated = administrator->migrate(); !migrated) throw std::runtime_error(migrated.error().describe());
    database_.execute(*administrator->roles_sql());
  }
  // With no more rights than the program has.
  std::unique_ptr<store::Store> open() override { return open_as(kRuntime); }
  std::unique_ptr<store::Transfer> open_transfer() override {
    return std::move(store::postgres::make_postgres_transfer(settings_for(kRuntime), "transfer").value());
  }

 private:
  static constexpr const char* kRuntime = "penstock_runtime";

  store::StoreSettings settings_for(const std::string& role) const {
    return {.url = Secret(database_.url() + "?options=-c%20role%3D" + role)};
  }
  std::unique_ptr<store::Store> open_as(const std::string& role) {
    return std::move(store::postgres::make_postgres_store(settings_for(role), "transfer", log_).value());
  }

  FreshDatabase database_;
  RecordingLog log_;
};

}  // namespace

std::unique_ptr<TransferEnd> make_postgres_end() { return std::make_unique<PostgresEnd>(); }

}  // namespace penstock::tests
