#include "connectors/wal/wal_errors.h"

#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

using store::postgres::SqlCondition;

TEST(WalErrors, GiveEachConditionItsCode) {
  const std::pair<SqlCondition, const ErrorCode*> expected[] = {
      {SqlCondition::kConnectionLost, &codes::kWalUnavailable},
      {SqlCondition::kServerStarting, &codes::kWalUnavailable},
      {SqlCondition::kTooManyConnections, &codes::kWalUnavailable},
      {SqlCondition::kOutOfResources, &codes::kWalUnavailable},
      {SqlCondition::kReadOnly, &codes::kWalUnavailable},
      {SqlCondition::kDatabaseMissing, &codes::kWalUnavailable},
      {SqlCondition::kDiskFull, &codes::kWalBusy},
      {SqlCondition::kLockTimeout, &codes::kWalBusy},
      {SqlCondition::kCanceled, &codes::kWalBusy},
      {SqlCondition::kSerialization, &codes::kWalBusy},
      {SqlCondition::kUnauthorized, &codes::kWalUnauthorized},
      {SqlCondition::kObjectMissing, &codes::kWalRefused},
      {SqlCondition::kUniqueViolation, &codes::kWalRefused},
      {SqlCondition::kData, &codes::kWalRefused},
      {SqlCondition::kUnsupported, &codes::kWalRefused},
      {SqlCondition::kImporting, &codes::kWalRefused},
      {SqlCondition::kDefect, &codes::kWalRefused},
      {SqlCondition::kCorrupt, &codes::kWalCorrupt},
      {SqlCondition::kDeadline, &codes::kTimeout},
      {SqlCondition::kStopped, &codes::kStopped},
  };
  for (const auto& [condition, code] : expected) EXPECT_EQ(&code_of_postgres(condition), code) << to_string(condition);
}

}  // namespace
}  // namespace penstock::wal
