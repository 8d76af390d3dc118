#include "connectors/outbox/outbox_errors.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace penstock::outbox {
namespace {

using store::postgres::SqlCondition;

TEST(OutboxErrors, GiveEveryConditionOfPostgresACode) {
  const std::pair<SqlCondition, const ErrorCode*> table[] = {
      {SqlCondition::kConnectionLost, &codes::kOutboxUnavailable},
      {SqlCondition::kServerStarting, &codes::kOutboxUnavailable},
      {SqlCondition::kTooManyConnections, &codes::kOutboxUnavailable},
      {SqlCondition::kOutOfResources, &codes::kOutboxUnavailable},
      {SqlCondition::kReadOnly, &codes::kOutboxUnavailable},
      {SqlCondition::kDatabaseMissing, &codes::kOutboxDatabaseMissing},
      {SqlCondition::kDiskFull, &codes::kOutboxBusy},
      {SqlCondition::kUnauthorized, &codes::kOutboxUnauthorized},
      {SqlCondition::kLockTimeout, &codes::kOutboxBusy},
      {SqlCondition::kCanceled, &codes::kOutboxBusy},
      {SqlCondition::kSerialization, &codes::kOutboxBusy},
      {SqlCondition::kObjectMissing, &codes::kOutboxTableMissing},
      {SqlCondition::kUniqueViolation, &codes::kOutboxRefused},
      {SqlCondition::kData, &codes::kOutboxRefused},
      {SqlCondition::kCorrupt, &codes::kOutboxCorrupt},
      {SqlCondition::kDeadline, &codes::kTimeout},
      {SqlCondition::kStopped, &codes::kStopped},
      {SqlCondition::kUnsupported, &codes::kOutboxRefused},
      {SqlCondition::kImporting, &codes::kOutboxRefused},
      {SqlCondition::kDefect, &codes::kOutboxRefused},
  };
  for (const auto& [condition, code] : table) EXPECT_EQ(&code_of_postgres(condition), code) << to_string(condition);
}

TEST(OutboxErrors, GiveResultsOfSqliteACode) {
  const std::pair<int, const ErrorCode*> table[] = {
      {SQLITE_BUSY, &codes::kOutboxBusy},
      {SQLITE_BUSY_SNAPSHOT, &codes::kOutboxBusy},
      {SQLITE_LOCKED, &codes::kOutboxBusy},
      {SQLITE_PROTOCOL, &codes::kOutboxBusy},
      {SQLITE_FULL, &codes::kOutboxBusy},
      {SQLITE_PERM, &codes::kOutboxUnauthorized},
      {SQLITE_AUTH, &codes::kOutboxUnauthorized},
      {SQLITE_READONLY, &codes::kOutboxUnauthorized},
      {SQLITE_READONLY_DBMOVED, &codes::kOutboxUnavailable},
      {SQLITE_CANTOPEN, &codes::kOutboxUnavailable},
      {SQLITE_IOERR_READ, &codes::kOutboxUnavailable},
      {SQLITE_NOMEM, &codes::kOutboxUnavailable},
      {SQLITE_CORRUPT, &codes::kOutboxCorrupt},
      {SQLITE_NOTADB, &codes::kOutboxCorrupt},
      {SQLITE_ERROR, &codes::kOutboxTableMissing},
      {SQLITE_SCHEMA, &codes::kOutboxTableMissing},
      {SQLITE_CONSTRAINT, &codes::kOutboxRefused},
      {SQLITE_TOOBIG, &codes::kOutboxRefused},
      {SQLITE_INTERRUPT, &codes::kStopped},
      {SQLITE_MISUSE, &codes::kInternal},
  };
  for (const auto& [result, code] : table) EXPECT_EQ(&code_of_sqlite(result), code) << sqlite3_errstr(result);
}

}  // namespace
}  // namespace penstock::outbox
