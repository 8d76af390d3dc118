#include "relay/reaction.h"

#include "core/invariant.h"

namespace penstock::relay {
namespace {

using connectors::Outcome;

Reaction react_to_rejection(OnReject on_reject) {
  switch (on_reject) {
    case OnReject::kStop: return Reaction::kFail;
    case OnReject::kParkEvent: return Reaction::kPark;
    case OnReject::kSkip: return Reaction::kSkip;
  }
  INVARIANT(false, "every word of on_reject has a reaction");
}

Reaction react_to_refused_message(ErrorKind kind, OnReject on_reject) {
  switch (kind) {
    case ErrorKind::kConflict:
    case ErrorKind::kRejected:
    case ErrorKind::kInvalid: return react_to_rejection(on_reject);
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
    case ErrorKind::kFenced:
    case ErrorKind::kInDoubt:
    case ErrorKind::kUnauthorized: return Reaction::kRetry;
    case ErrorKind::kInternal: return Reaction::kFail;
  }
  INVARIANT(false, "every kind of error has a reaction");
}

RepeatReaction repeat_unless_internal(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
    case ErrorKind::kConflict:
    case ErrorKind::kFenced:
    case ErrorKind::kInDoubt:
    case ErrorKind::kRejected:
    case ErrorKind::kUnauthorized:
    case ErrorKind::kInvalid: return RepeatReaction::kBackOff;
    case ErrorKind::kInternal: return RepeatReaction::kFail;
  }
  INVARIANT(false, "every kind of error has a reaction");
}

}  // namespace

Reaction react_to_outcome(Outcome outcome, std::optional<ErrorKind> kind, OnReject on_reject) {
  switch (outcome) {
    case Outcome::kDelivered: return Reaction::kSettle;
    case Outcome::kRetryable: return Reaction::kRetry;
    // A sink that gives no reason means this very message.
    case Outcome::kRejected: return react_to_refused_message(kind.value_or(ErrorKind::kRejected), on_reject);
  }
  INVARIANT(false, "every outcome has a reaction");
}

bool is_refusal_of_message(ErrorKind kind) {
  return react_to_refused_message(kind, OnReject::kParkEvent) == Reaction::kPark;
}

SourceReaction react_to_source_error(SourceStep step, ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kConflict: return step == SourceStep::kOpening ? SourceReaction::kStandBy : SourceReaction::kReopen;
    case ErrorKind::kFenced: return SourceReaction::kYield;
    case ErrorKind::kInternal: return SourceReaction::kFail;
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
    case ErrorKind::kInDoubt:
    case ErrorKind::kRejected:
    case ErrorKind::kUnauthorized:
    case ErrorKind::kInvalid: return SourceReaction::kReopen;
  }
  INVARIANT(false, "every kind of error has a reaction");
}

RepeatReaction react_to_open_error(ErrorKind kind) { return repeat_unless_internal(kind); }

RepeatReaction react_to_park_error(ErrorKind kind) { return repeat_unless_internal(kind); }

LeaseReaction react_to_lease_error(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kConflict:
    case ErrorKind::kFenced: return LeaseReaction::kStandBy;
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
    case ErrorKind::kInDoubt:
    case ErrorKind::kRejected:
    case ErrorKind::kUnauthorized:
    case ErrorKind::kInvalid:
    case ErrorKind::kInternal: return LeaseReaction::kBackOff;
  }
  INVARIANT(false, "every kind of error has a reaction");
}

}  // namespace penstock::relay
