// What the relay does about a failure: one table for each place where one can arise. Everything else
// in this room asks here and decides nothing by itself.
#pragma once

#include <optional>

#include "connectors/outcome.h"
#include "core/error.h"
#include "relay/route_settings.h"

namespace penstock::relay {

// About one message.
enum class Reaction {
  kSettle,
  kRetry,  // the same message again after a back-off; what must not pass it waits
  kPark,   // a durable row, then settled
  kSkip,   // the same, on record as skipped
  kFail,   // the route stops until an operator looks at it
};

// A sink decides whether a message can be sent again; a rejection whose cause lies outside the message
// (missing rights, a server that is away) is retried all the same, because parking every event of a
// route for want of a grant would be a loss in slow motion. `kind` is empty for kDelivered.
Reaction react_to_outcome(connectors::Outcome outcome, std::optional<ErrorKind> kind, OnReject on_reject);

// Whether an error of this kind means that the message is at fault, not the sink.
bool is_refusal_of_message(ErrorKind kind);

// About a source whose opening ended with an error, or that could not be opened.
enum class SourceReaction {
  kReopen,   // after a back-off; marks start anew
  kStandBy,  // another relay holds the table
  kYield,    // the lease is lost
  kFail,     // what it found can't be right
};
enum class SourceStep { kOpening, kOpen };
SourceReaction react_to_source_error(SourceStep step, ErrorKind kind);

// About a sink that could not be opened, and about rows that could not be parked.
enum class RepeatReaction { kBackOff, kFail };
RepeatReaction react_to_open_error(ErrorKind kind);
RepeatReaction react_to_park_error(ErrorKind kind);

// About a lease that was asked for and not given.
enum class LeaseReaction { kStandBy, kBackOff };
LeaseReaction react_to_lease_error(ErrorKind kind);

}  // namespace penstock::relay
