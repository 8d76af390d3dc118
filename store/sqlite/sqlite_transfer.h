// Transfer over a SQLite file.
#pragma once

#include <memory>
#include <string>

#include "store/store.h"
#include "store/transfer.h"

namespace penstock::store::sqlite {

// Of the store that `settings` make; see make_sqlite_store.
std::unique_ptr<Transfer> make_sqlite_transfer(const StoreSettings& settings);

}  // namespace penstock::store::sqlite
