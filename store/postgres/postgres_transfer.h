// Transfer over a schema of a Postgres database.
#pragma once

#include <memory>
#include <string>

#include "store/store.h"
#include "store/transfer.h"

namespace penstock::store::postgres {

// Of the store that `settings` make; see make_postgres_store. Connects to nothing yet; holds one connection.
Result<std::unique_ptr<Transfer>> make_postgres_transfer(const StoreSettings& settings, std::string instance);

}  // namespace penstock::store::postgres
