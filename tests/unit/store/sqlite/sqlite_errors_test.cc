#include "store/sqlite/sqlite_errors.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>

namespace penstock::store::sqlite {
namespace {

struct Row {
  int code;
  const char* name;
  AfterError after;
};

constexpr auto kKeep = AfterError::kKeepConnection, kReopen = AfterError::kReopen;

const Row kTable[] = {
    {SQLITE_ERROR, "core.internal", kReopen},
    {SQLITE_INTERNAL, "core.internal", kReopen},
    {SQLITE_PERM, "store.unauthorized", kReopen},
    {SQLITE_ABORT, "core.internal", kReopen},
    {SQLITE_BUSY, "store.busy", kKeep},
    {SQLITE_BUSY_RECOVERY, "store.busy", kKeep},
    {SQLITE_BUSY_SNAPSHOT, "store.busy", kKeep},
    {SQLITE_LOCKED, "store.busy", kKeep},
    {SQLITE_NOMEM, "store.unavailable", kReopen},
    {SQLITE_READONLY, "store.read_only", kReopen},
    {SQLITE_READONLY_DIRECTORY, "store.read_only", kReopen},
    {SQLITE_INTERRUPT, "store.unavailable", kReopen},
    {SQLITE_IOERR, "store.unavailable", kReopen},
    {SQLITE_IOERR_FSYNC, "store.unavailable", kReopen},
    {SQLITE_CORRUPT, "store.corrupt", kReopen},
    {SQLITE_NOTFOUND, "core.internal", kReopen},
    {SQLITE_FULL, "store.disk_full", kKeep},
    {SQLITE_CANTOPEN, "store.unavailable", kReopen},
    {SQLITE_CANTOPEN_ISDIR, "store.unavailable", kReopen},
    {SQLITE_PROTOCOL, "store.busy", kReopen},
    {SQLITE_EMPTY, "core.internal", kReopen},
    {SQLITE_SCHEMA, "store.unavailable", kReopen},
    {SQLITE_TOOBIG, "store.limit_exceeded", kKeep},
    {SQLITE_CONSTRAINT, "store.corrupt", kKeep},
    {SQLITE_CONSTRAINT_UNIQUE, "store.corrupt", kKeep},
    {SQLITE_MISMATCH, "store.corrupt", kReopen},
    {SQLITE_MISUSE, "core.internal", kReopen},
    {SQLITE_NOLFS, "store.unavailable", kReopen},
    {SQLITE_AUTH, "store.unauthorized", kReopen},
    {SQLITE_FORMAT, "core.internal", kReopen},
    {SQLITE_RANGE, "core.internal", kReopen},
    {SQLITE_NOTADB, "store.foreign_database", kReopen},
    {SQLITE_NOTICE, "core.internal", kReopen},
    {SQLITE_WARNING, "core.internal", kReopen},
};

TEST(SqliteErrors, MapEachResultCode) {
  for (const Row& row : kTable) {
    EXPECT_EQ(code_for(row.code).name, row.name) << sqlite3_errstr(row.code) << " (" << row.code << ")";
    EXPECT_EQ(after_error(row.code), row.after) << sqlite3_errstr(row.code) << " (" << row.code << ")";
  }
}

TEST(SqliteErrors, KnowEveryPrimaryCode) {
  for (int code = SQLITE_ERROR; code <= SQLITE_WARNING; ++code) {
    const bool listed =
        std::any_of(std::begin(kTable), std::end(kTable), [&](const Row& row) { return row.code == code; });
    EXPECT_TRUE(listed) << code;
  }
}

TEST(SqliteErrors, SayWhereAndWhat) {
  const Error error = make_error(SQLITE_IOERR, nullptr, "appending: penstock.db");
  EXPECT_EQ(error.message(), "appending: penstock.db: disk I/O error (SQLite 10)");
}

}  // namespace
}  // namespace penstock::store::sqlite
