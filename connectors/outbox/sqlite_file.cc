#include "connectors/outbox/sqlite_file.h"

#include <sqlite3.h>

#include <algorithm>
#include <limits>

#include "connectors/outbox/outbox_errors.h"

namespace penstock::outbox {
namespace {

constexpr int kBusyTimeoutMs = 2'000;

Error error_of(sqlite3* database, std::string_view doing) {
  return Error(code_of_sqlite(sqlite3_extended_errcode(database)),
               std::string(doing) + ": " + sqlite3_errmsg(database));
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void SqliteFile::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

SqliteStatement::SqliteStatement(sqlite3_stmt* owned) : statement_(owned) {}

void SqliteStatement::bind(int index, std::int64_t number) { sqlite3_bind_int64(statement_.get(), index, number); }

void SqliteStatement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}

void SqliteStatement::bind(int index, const Cell& cell) {
  switch (cell.is) {
    case Cell::Is::kNull: sqlite3_bind_null(statement_.get(), index); return;
    case Cell::Is::kText: bind(index, cell.bytes); return;
    case Cell::Is::kInteger:
    case Cell::Is::kTime: bind(index, cell.number); return;
    case Cell::Is::kBytes:
    case Cell::Is::kUuid:
      sqlite3_bind_blob64(statement_.get(), index, cell.bytes.empty() ? "" : cell.bytes.data(), cell.bytes.size(),
                          SQLITE_STATIC);
      return;
  }
}

Result<SqliteStatement::Step> SqliteStatement::step() {
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW: return Step::kRow;
    case SQLITE_DONE: return Step::kDone;
    default: return fail(error_of(sqlite3_db_handle(statement_.get()), "reading the database file"));
  }
}

void SqliteStatement::reset() {
  if (statement_) sqlite3_reset(statement_.get());
}

std::int64_t SqliteStatement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string_view SqliteStatement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return {text == nullptr ? "" : text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool SqliteStatement::is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }

bool SqliteStatement::is_integer(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_INTEGER;
}

Cell SqliteStatement::cell(int column) const {
  switch (sqlite3_column_type(statement_.get(), column)) {
    case SQLITE_INTEGER: return Cell::integer(integer(column));
    case SQLITE_FLOAT:
    case SQLITE_TEXT: return Cell::text(text(column));
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
      return Cell::blob({bytes == nullptr ? "" : bytes, size});
    }
    default: return Cell::null();
  }
}

Result<SqliteFile> SqliteFile::open(const std::string& path) {
  sqlite3* opened = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteFile file;
  file.database_.reset(opened);
  if (opened == nullptr) return fail(codes::kOutboxUnavailable, "opening database file " + path + ": out of memory");
  if (result != SQLITE_OK) return fail(error_of(opened, "opening database file " + path));
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_timeout(opened, kBusyTimeoutMs);
  return file;
}

Result<SqliteStatement> SqliteFile::prepare(const std::string& sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql.c_str(), static_cast<int>(sql.size()) + 1, SQLITE_PREPARE_PERSISTENT,
                         &statement, nullptr) != SQLITE_OK)
    return fail(error_of(database_.get(), "reading the database file"));
  return SqliteStatement(statement);
}

Status SqliteFile::execute(const std::string& sql) const {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return fail(error_of(database_.get(), "using the database file"));
}

void SqliteFile::limit_value_bytes(std::size_t bytes) const {
  constexpr auto kLargest = static_cast<std::size_t>(std::numeric_limits<int>::max());
  sqlite3_limit(database_.get(), SQLITE_LIMIT_LENGTH, static_cast<int>(std::min(bytes, kLargest)));
}

bool SqliteFile::last_was_too_big() const { return sqlite3_errcode(database_.get()) == SQLITE_TOOBIG; }

std::optional<std::uint64_t> SqliteFile::value_bytes(const std::string& table, const std::string& column,
                                                     std::int64_t rowid) const {
  sqlite3_blob* blob = nullptr;
  const int result = sqlite3_blob_open(database_.get(), "main", table.c_str(), column.c_str(), rowid, 0, &blob);
  const std::unique_ptr<sqlite3_blob, int (*)(sqlite3_blob*)> owner(blob, sqlite3_blob_close);
  if (result != SQLITE_OK) return std::nullopt;
  return static_cast<std::uint64_t>(sqlite3_blob_bytes(blob));
}

}  // namespace penstock::outbox
