#include "store/store_faults.h"

namespace penstock::store {

Error lease_lost(const Lease& lease) {
  return {codes::kStoreFenced, "the lease " + lease.name + " is no longer held by " + lease.owner};
}

Error import_unfinished() { return {codes::kStoreImporting, "an import of this store has not ended"}; }

Error no_event_at(Position position) {
  return {codes::kStoreCorrupt, "the store has no event at position " + std::to_string(position.value)};
}

Error row_of_head_gone() { return {codes::kStoreCorrupt, "the row of head is gone"}; }

}  // namespace penstock::store
