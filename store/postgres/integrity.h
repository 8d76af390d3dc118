// The checks of a store in Postgres: each reads whole tables.
#pragma once

#include <vector>

#include "store/integrity.h"
#include "store/postgres/session_opener.h"

namespace penstock::store::postgres {

// On a session of its own, whose statements may take as long as they need.
Result<std::vector<IntegrityCheck>> check_integrity(SessionOpener& opener);

}  // namespace penstock::store::postgres
