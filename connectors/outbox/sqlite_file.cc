#include "connectors/outbox/sqlite_file.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "connectors/outbox/outbox_errors.h"
#include "core/rest.h"

namespace penstock::outbox {
namespace {

// Short, or a writer that commits all the time would starve us.
constexpr std::chrono::milliseconds kBetweenTries{2};
constexpr int kStepsBetweenLooks = 10'000;

int wait_for_lock(void* of_file, int) {
  const auto& waiting = *static_cast<const SqliteWaiting*>(of_file);
  if (waiting.is_stopped() || waiting.patience.until.expired()) return 0;
  rest(kBetweenTries, waiting.patience.stop);
  return 1;
}

int is_given_up(void* of_file) { return static_cast<const SqliteWaiting*>(of_file)->given_up.stop_requested() ? 1 : 0; }

Error error_of(sqlite3* database, const SqliteWaiting& waiting, std::string_view doing) {
  const ErrorCode& code = code_of_sqlite(sqlite3_extended_errcode(database));
  const bool stopped = &code == &codes::kOutboxBusy && waiting.is_stopped();
  return Error(stopped ? codes::kStopped : code, std::string(doing) + ": " + sqlite3_errmsg(database));
}

bool has_moved(sqlite3* database) {
  int moved = 0;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

// SQLite follows a link when it opens the file, and never again. What it takes for a URI is no path.
bool leads_elsewhere(const std::string& path, sqlite3* database) {
  struct stat there {
  }, opened{};
  if (stat(path.c_str(), &there) != 0 || stat(sqlite3_db_filename(database, "main"), &opened) != 0) return false;
  return there.st_dev != opened.st_dev || there.st_ino != opened.st_ino;
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

// What it waited by may be gone already. The end of the last connection removes the log by its name, which may be
// another file's by now.
void SqliteFile::Close::operator()(sqlite3* database) const {
  if (has_moved(database)) sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_busy_handler(database, nullptr, nullptr);
  sqlite3_progress_handler(database, 0, nullptr, nullptr);
  sqlite3_close_v2(database);
}

SqliteStatement::SqliteStatement(sqlite3_stmt* owned, const SqliteWaiting& waiting)
    : statement_(owned), waiting_(&waiting) {}

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

// One that met a lock would stay begun: with the values that it was given, and as a reader, for which a later COMMIT
// keeps a lock that nobody else can commit over.
Result<SqliteStatement::Step> SqliteStatement::step() {
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW: return Step::kRow;
    case SQLITE_DONE: return Step::kDone;
    default: break;
  }
  Error error = error_of(sqlite3_db_handle(statement_.get()), *waiting_, "reading the database file");
  reset();
  return fail(std::move(error));
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

Result<SqliteFile> SqliteFile::open(const std::string& path, const LockPatience& patience, std::stop_token given_up) {
  sqlite3* opened = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteFile file;
  file.path_ = path;
  file.waiting_ = std::make_unique<SqliteWaiting>(SqliteWaiting{patience, std::move(given_up)});
  file.database_.reset(opened);
  if (opened == nullptr) return fail(codes::kOutboxUnavailable, "opening database file " + path + ": out of memory");
  if (result != SQLITE_OK) return fail(error_of(opened, *file.waiting_, "opening database file " + path));
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_handler(opened, wait_for_lock, file.waiting_.get());
  sqlite3_progress_handler(opened, kStepsBetweenLooks, is_given_up, file.waiting_.get());
  return file;
}

Status SqliteFile::check_in_place() const {
  if (!has_moved(database_.get()) && !leads_elsewhere(path_, database_.get())) return {};
  return fail(codes::kOutboxUnavailable, path_ + " is no longer the file that was opened: it is opened anew");
}

Result<SqliteStatement> SqliteFile::prepare(const std::string& sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql.c_str(), static_cast<int>(sql.size()) + 1, SQLITE_PREPARE_PERSISTENT,
                         &statement, nullptr) != SQLITE_OK)
    return fail(error_of(database_.get(), *waiting_, "reading the database file"));
  return SqliteStatement(statement, *waiting_);
}

Status SqliteFile::execute(const std::string& sql) const {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return fail(error_of(database_.get(), *waiting_, "using the database file"));
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
