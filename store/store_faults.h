// What several parts of a store, or of several stores, have to say in the same words.
#pragma once

#include "core/error.h"
#include "core/ids.h"
#include "core/lease.h"

namespace penstock::store {

// store.fenced: another instance has taken the lease over, or it ran out.
Error lease_lost(const Lease& lease);

// store.importing: nothing else may change the store meanwhile.
Error import_unfinished();

// store.corrupt: below the head, and not dropped.
Error no_event_at(Position position);

// store.corrupt: head has one row from its first migration on.
Error row_of_head_gone();

}  // namespace penstock::store
