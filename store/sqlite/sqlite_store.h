// The embedded store: one SQLite file, and beside it the folder "<file>-locks" for leases.
//
// Any number of programs of one machine may open the same file (write-ahead log, so no network file
// system). A commit is on the disk when it is answered (synchronous = FULL).
#pragma once

#include <memory>

#include "store/store.h"

namespace penstock::store::sqlite {

// `settings.url` is "sqlite:<path>". Nothing is opened yet: a file that is missing or not migrated
// is answered by each call.
std::unique_ptr<Store> make_sqlite_store(const StoreSettings& settings);

// "sqlite:<path>" without its scheme.
std::string path_of(const Secret& url);

}  // namespace penstock::store::sqlite
