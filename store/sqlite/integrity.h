// The checks of a store in a SQLite file: each reads whole tables, in one snapshot.
#pragma once

#include <vector>

#include "store/integrity.h"
#include "store/sqlite/connection.h"

namespace penstock::store::sqlite {

Result<std::vector<IntegrityCheck>> check_integrity(Connection& connection);

}  // namespace penstock::store::sqlite
