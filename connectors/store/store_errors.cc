#include "connectors/store/store_errors.h"

#include "core/invariant.h"

namespace penstock::connectors {
namespace {

// Wrong for every event, so no single one is to blame.
bool concerns_whole_store(const ErrorCode& code) {
  return &code == &codes::kStoreSchemaMissing || &code == &codes::kStoreSchemaTooNew;
}

}  // namespace

Outcome outcome_of_append(const ErrorCode& code) {
  switch (code.kind) {
    case ErrorKind::kConflict:
    case ErrorKind::kRejected: return Outcome::kRejected;
    case ErrorKind::kInvalid: return concerns_whole_store(code) ? Outcome::kRetryable : Outcome::kRejected;
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
    case ErrorKind::kFenced:
    case ErrorKind::kInDoubt:
    case ErrorKind::kUnauthorized:
    case ErrorKind::kInternal: return Outcome::kRetryable;
  }
  INVARIANT(false, "every kind of error has an outcome");
  return Outcome::kRetryable;
}

}  // namespace penstock::connectors
