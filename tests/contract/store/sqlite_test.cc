#include <sqlite3.h>

#include <filesystem>
#include <stdexcept>

#include "store/sqlite/sqlite_store.h"
#include "tests/contract/store/store_contract.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {
namespace {

class SqliteBackend final : public StoreBackend {
 public:
  SqliteBackend() {
    std::filesystem::create_directory(folder_);
    if (auto migrated = open({})->migrate(); !migrated) throw std::runtime_error(migrated.error().describe());
  }

  std::unique_ptr<store::Store> open(store::StoreSettings settings) override {
    settings.url = Secret("sqlite:" + path_);
    return store::sqlite::make_sqlite_store(settings);
  }
  void take_away() override { std::filesystem::rename(folder_, folder_ + "-away"); }
  void bring_back() override { std::filesystem::rename(folder_ + "-away", folder_); }
  void age(std::chrono::seconds by) override {
    const std::string microseconds = std::to_string(std::chrono::microseconds(by).count());
    execute("UPDATE leases SET expires_at = expires_at - " + microseconds);
    execute("UPDATE route_state SET updated_at = updated_at - " + microseconds);
  }

 private:
  void execute(const std::string& sql) const {
    sqlite3* connection = nullptr;
    const int opened = sqlite3_open_v2(path_.c_str(), &connection, SQLITE_OPEN_READWRITE, nullptr);
    sqlite3_busy_timeout(connection, 5'000);
    const int done = opened == SQLITE_OK ? sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr) : opened;
    sqlite3_close(connection);
    if (done != SQLITE_OK) throw std::runtime_error(sql + ": " + sqlite3_errstr(done));
  }

  TemporaryFolder temporary_;
  std::string folder_ = temporary_.file("data");
  std::string path_ = folder_ + "/penstock.db";
};

const BackendKind kSqlite{"Sqlite", [] { return std::make_unique<SqliteBackend>(); }};

PENSTOCK_RUN_STORE_CONTRACT(Store, kSqlite);

}  // namespace
}  // namespace penstock::tests
