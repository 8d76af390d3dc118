#include "connectors/outbox/outbox_errors.h"

#include <sqlite3.h>

namespace penstock::outbox {

const ErrorCode& code_of_postgres(store::postgres::SqlCondition condition) {
  using store::postgres::SqlCondition;
  switch (condition) {
    case SqlCondition::kConnectionLost:
    case SqlCondition::kServerStarting:
    case SqlCondition::kTooManyConnections:
    case SqlCondition::kOutOfResources:
    case SqlCondition::kReadOnly: return codes::kOutboxUnavailable;
    case SqlCondition::kDatabaseMissing: return codes::kOutboxDatabaseMissing;
    case SqlCondition::kDiskFull: return codes::kOutboxBusy;
    case SqlCondition::kUnauthorized: return codes::kOutboxUnauthorized;
    case SqlCondition::kLockTimeout:
    case SqlCondition::kCanceled:
    case SqlCondition::kSerialization: return codes::kOutboxBusy;
    case SqlCondition::kObjectMissing: return codes::kOutboxTableMissing;
    case SqlCondition::kUniqueViolation:
    case SqlCondition::kData: return codes::kOutboxRefused;
    case SqlCondition::kCorrupt: return codes::kOutboxCorrupt;
    case SqlCondition::kDeadline: return codes::kTimeout;
    case SqlCondition::kStopped: return codes::kStopped;
    case SqlCondition::kUnsupported: return codes::kOutboxRefused;
    case SqlCondition::kImporting:  // said by the tables of a store only
    // A trigger, a rule or a function of the service may say whatever it likes.
    case SqlCondition::kDefect: return codes::kOutboxRefused;
  }
  return codes::kInternal;
}

Error former_primary(const TableName& table, std::int64_t timeline, std::int64_t read_before) {
  return {codes::kOutboxUnavailable, "the server of table " + table.to_string() + " is on timeline " +
                                         std::to_string(timeline) + ", but timeline " + std::to_string(read_before) +
                                         " was read before: it is a former primary"};
}

const ErrorCode& code_of_sqlite(int result_code) {
  if (result_code == SQLITE_READONLY_DBMOVED) return codes::kOutboxUnavailable;
  switch (result_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_FULL: return codes::kOutboxBusy;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY: return codes::kOutboxUnauthorized;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_NOLFS: return codes::kOutboxUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT: return codes::kOutboxCorrupt;
    case SQLITE_ERROR:  // no such table, no such column
    case SQLITE_SCHEMA: return codes::kOutboxTableMissing;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_ABORT: return codes::kOutboxRefused;
    case SQLITE_INTERRUPT: return codes::kStopped;
    default: return codes::kInternal;
  }
}

}  // namespace penstock::outbox
