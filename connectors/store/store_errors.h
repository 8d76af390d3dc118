// What a refused append means for the event that was to be appended.
#pragma once

#include "connectors/outcome.h"
#include "core/error.h"

namespace penstock::connectors {

// Rejected: this event is refused, now and later, whatever the state of the store (a reused id, a
// limit, a category that is not the stream's). Retryable: everything else; sending the same ids
// again is safe, in doubt or not. Never kDelivered.
Outcome outcome_of_append(const ErrorCode& code);

}  // namespace penstock::connectors
