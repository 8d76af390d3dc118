// The event store in a schema of a Postgres database (14 or newer).
#pragma once

#include <memory>
#include <string>

#include "core/log.h"
#include "store/store.h"

namespace penstock::store::postgres {

// `instance` is unique per process and seen in pg_stat_activity; `log` outlives the store. Connects to
// nothing yet. Error: config.invalid for a schema name that can't be used.
//
// Connections: one that appends, one that holds the leases, up to four that read and two that write
// checkpoints, parked rows and route states; one more while an append waits for a lock.
Result<std::unique_ptr<Store>> make_postgres_store(StoreSettings settings, std::string instance, Log& log);

}  // namespace penstock::store::postgres
