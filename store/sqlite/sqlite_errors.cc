#include "store/sqlite/sqlite_errors.h"

#include <sqlite3.h>

namespace penstock::store::sqlite {

const ErrorCode& code_for(int code) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:      // another connection writes
    case SQLITE_LOCKED:    // the same, within a shared cache
    case SQLITE_PROTOCOL:  // too many tries to lock the write-ahead log
      return codes::kStoreBusy;
    case SQLITE_FULL: return codes::kStoreDiskFull;
    case SQLITE_READONLY: return codes::kStoreReadOnly;
    case SQLITE_PERM:
    case SQLITE_AUTH: return codes::kStoreUnauthorized;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_NOLFS:
    case SQLITE_INTERRUPT:
    case SQLITE_SCHEMA:  // changed under a statement more often than SQLite retries
      return codes::kStoreUnavailable;
    case SQLITE_NOTADB: return codes::kStoreForeignDatabase;
    case SQLITE_CORRUPT:
    case SQLITE_CONSTRAINT:  // the plan of a batch is exact, so the tables contradict themselves
    case SQLITE_MISMATCH: return codes::kStoreCorrupt;
    case SQLITE_TOOBIG: return codes::kStoreLimitExceeded;
    case SQLITE_OK:  // no error, so not to be asked about
    case SQLITE_ROW:
    case SQLITE_DONE:
    case SQLITE_NOTICE:
    case SQLITE_WARNING:
    case SQLITE_ERROR:
    case SQLITE_INTERNAL:
    case SQLITE_ABORT:
    case SQLITE_NOTFOUND:
    case SQLITE_EMPTY:
    case SQLITE_MISUSE:
    case SQLITE_FORMAT:
    case SQLITE_RANGE:
    default: return codes::kInternal;
  }
}

AfterError after_error(int code) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG: return AfterError::kKeepConnection;
    default: return AfterError::kReopen;
  }
}

Error make_error(int code, sqlite3* connection, const std::string& where) {
  const bool is_last = connection != nullptr && sqlite3_extended_errcode(connection) == code;
  const std::string words = is_last ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  return Error(code_for(code), where + ": " + words + " (SQLite " + std::to_string(code) + ")");
}

}  // namespace penstock::store::sqlite
