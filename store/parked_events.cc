#include "store/parked_events.h"

#include "core/digest.h"

namespace penstock::store {

std::array<std::uint8_t, 32> digest_of(const ParkedEvent& parked) { return sha256(parked.content); }

}  // namespace penstock::store
