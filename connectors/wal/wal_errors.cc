#include "connectors/wal/wal_errors.h"

namespace penstock::wal {

const ErrorCode& code_of_postgres(store::postgres::SqlCondition condition) {
  using store::postgres::SqlCondition;
  switch (condition) {
    case SqlCondition::kConnectionLost:
    case SqlCondition::kServerStarting:
    case SqlCondition::kTooManyConnections:
    case SqlCondition::kOutOfResources:
    case SqlCondition::kReadOnly:
    case SqlCondition::kDatabaseMissing: return codes::kWalUnavailable;
    case SqlCondition::kDiskFull:
    case SqlCondition::kLockTimeout:
    case SqlCondition::kCanceled:
    case SqlCondition::kSerialization: return codes::kWalBusy;
    case SqlCondition::kUnauthorized: return codes::kWalUnauthorized;
    case SqlCondition::kObjectMissing:
    case SqlCondition::kUniqueViolation:
    case SqlCondition::kData:
    case SqlCondition::kUnsupported: return codes::kWalRefused;
    case SqlCondition::kCorrupt: return codes::kWalCorrupt;
    case SqlCondition::kDeadline: return codes::kTimeout;
    case SqlCondition::kStopped: return codes::kStopped;
    case SqlCondition::kImporting:  // said by the tables of a store only
    case SqlCondition::kDefect: return codes::kWalRefused;
  }
  return codes::kInternal;
}

}  // namespace penstock::wal
