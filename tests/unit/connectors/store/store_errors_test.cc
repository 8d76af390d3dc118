#include "connectors/store/store_errors.h"

#include <gtest/gtest.h>

namespace penstock::connectors {
namespace {

TEST(StoreErrors, BlameTheEventOnlyForWhatIsItsOwnFault) {
  const std::pair<const ErrorCode*, Outcome> table[] = {
      {&codes::kStoreIdReused, Outcome::kRejected},
      {&codes::kStoreCategoryMismatch, Outcome::kRejected},
      {&codes::kStoreWrongExpectedVersion, Outcome::kRejected},
      {&codes::kStoreLimitExceeded, Outcome::kRejected},
      {&codes::kStoreInvalidRequest, Outcome::kRejected},
      {&codes::kStoreReservedName, Outcome::kRejected},
      {&codes::kStoreSchemaMissing, Outcome::kRetryable},
      {&codes::kStoreSchemaTooNew, Outcome::kRetryable},
      {&codes::kStoreHeldBack, Outcome::kRetryable},
      {&codes::kStoreUnavailable, Outcome::kRetryable},
      {&codes::kStoreUnauthorized, Outcome::kRetryable},
      {&codes::kStoreFenced, Outcome::kRetryable},
      {&codes::kStoreInDoubt, Outcome::kRetryable},
      {&codes::kStoreQueueFull, Outcome::kRetryable},
      {&codes::kStoreBusy, Outcome::kRetryable},
      {&codes::kStoreDiskFull, Outcome::kRetryable},
      {&codes::kStoreReadOnly, Outcome::kRetryable},
      {&codes::kStoreCorrupt, Outcome::kRetryable},
      {&codes::kTimeout, Outcome::kRetryable},
      {&codes::kStopped, Outcome::kRetryable},
      {&codes::kInternal, Outcome::kRetryable},
  };
  for (const auto& [code, outcome] : table) EXPECT_EQ(outcome_of_append(*code), outcome) << code->name;
}

}  // namespace
}  // namespace penstock::connectors
