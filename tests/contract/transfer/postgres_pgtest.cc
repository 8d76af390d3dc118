#include "tests/contract/transfer/transfer_contract.h"
#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

std::string no_postgres() { return reason_missing(Server::kPostgres); }

const Pair kIn{"SqliteToPostgres", make_sqlite_end, make_postgres_end, no_postgres},
    kOut{"PostgresToSqlite", make_postgres_end, make_sqlite_end, no_postgres},
    kAcross{"PostgresToPostgres", make_postgres_end, make_postgres_end, no_postgres};

PENSTOCK_RUN_MOVE_CONTRACT(kIn, kOut, kAcross);
PENSTOCK_RUN_CLOSING_CONTRACT(kIn);

}  // namespace
}  // namespace penstock::tests
