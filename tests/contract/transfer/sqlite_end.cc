#include <stdexcept>

#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/sqlite_transfer.h"
#include "tests/contract/transfer/transfer_contract.h"

namespace penstock::tests {
namespace {

class SqliteEnd final : public TransferEnd {
 public:
  SqliteEnd() {
    settings_.url = Secret("sqlite:" + folder_.file("penstock.db"));
    if (auto migrated = open()->migrate(); !migrated) throw std::runtime_error(migrated.error().describe());
  }
  std::unique_ptr<store::Store> open() override { return store::sqlite::make_sqlite_store(settings_); }
  std::unique_ptr<store::Transfer> open_transfer() override { return store::sqlite::make_sqlite_transfer(settings_); }

 private:
  TemporaryFolder folder_;
  store::StoreSettings settings_;
};

}  // namespace

std::unique_ptr<TransferEnd> make_sqlite_end() { return std::make_unique<SqliteEnd>(); }

}  // namespace penstock::tests
