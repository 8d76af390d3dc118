#include "tests/contract/transfer/transfer_contract.h"

namespace penstock::tests {
namespace {

const Pair kPair{"SqliteToSqlite", make_sqlite_end, make_sqlite_end};

PENSTOCK_RUN_MOVE_CONTRACT(kPair);
PENSTOCK_RUN_CLOSING_CONTRACT(kPair);

}  // namespace
}  // namespace penstock::tests
