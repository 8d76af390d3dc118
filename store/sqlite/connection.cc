#include "store/sqlite/connection.h"

#include <sqlite3.h>

#include <thread>
#include <utility>

#include "store/sqlite/sqlite_errors.h"

namespace penstock::store::sqlite {
namespace {

constexpr std::size_t kCachedStatements = 64;

// A log beyond this is cut back at the next checkpoint; pages until one is tried.
constexpr const char* kWriteSettings =
    "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000;"
    "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";
constexpr const char* kReadSettings =
    "PRAGMA query_only = ON; PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";

// SQLite's own handler sleeps up to 100 ms between two tries, so that a writer that commits all the
// time would starve another program's.
int wait_for_lock(void* started, int tries) {
  auto& start = *static_cast<std::chrono::steady_clock::time_point*>(started);
  const auto now = std::chrono::steady_clock::now();
  if (tries == 0) start = now;
  if (now - start >= kBusyTimeout) return 0;
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return 1;
}

std::string_view bytes_at(const void* start, int length) {
  return {start != nullptr ? static_cast<const char*>(start) : "", static_cast<std::size_t>(length)};
}

}  // namespace

// --- cursor ----------------------------------------------------------------------------------------

Cursor::~Cursor() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Cursor::Cursor(Cursor&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      next_parameter_(other.next_parameter_),
      bind_error_(other.bind_error_) {}

Cursor& Cursor::bind(std::int64_t number) {
  if (const int code = sqlite3_bind_int64(statement_, next_parameter_++, number); code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Cursor& Cursor::bind(std::optional<std::int64_t> number) {
  if (number) return bind(*number);
  ++next_parameter_;  // unbound parameters are null
  return *this;
}

Cursor& Cursor::bind(std::optional<double> number) {
  const int at = next_parameter_++;
  if (!number) return *this;
  if (const int code = sqlite3_bind_double(statement_, at, *number); code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Cursor& Cursor::bind_text(std::string_view text) {
  const char* start = text.data() != nullptr ? text.data() : "";  // a null pointer would bind null
  const int code = sqlite3_bind_text64(statement_, next_parameter_++, start, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Cursor& Cursor::bind_optional_text(std::optional<std::string_view> text) {
  if (text) return bind_text(*text);
  ++next_parameter_;
  return *this;
}

Cursor& Cursor::bind_blob(std::optional<std::string_view> bytes) {
  const int at = next_parameter_++;
  if (!bytes) return *this;
  const char* start = bytes->data() != nullptr ? bytes->data() : "";
  const int code = sqlite3_bind_blob64(statement_, at, start, bytes->size(), SQLITE_STATIC);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Cursor& Cursor::bind_id(const EventId& id) {
  const auto* bytes = reinterpret_cast<const char*>(id.bytes().data());
  return bind_blob(std::string_view(bytes, id.bytes().size()));
}

Result<Cursor::Step> Cursor::step() {
  const int code = bind_error_ != 0 ? bind_error_ : sqlite3_step(statement_);
  if (code == SQLITE_ROW) return Step::kRow;
  if (code == SQLITE_DONE) return Step::kDone;
  return fail(connection_->error(code));
}

Status Cursor::step_to_row_of(std::string_view table) {
  const auto stepped = step();
  if (!stepped) return fail(stepped.error());
  if (*stepped == Step::kDone) return fail(codes::kStoreCorrupt, "the row of " + std::string(table) + " is gone");
  return {};
}

Status Cursor::run() {
  for (;;) {
    const auto stepped = step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Step::kDone) return {};
  }
}

void Cursor::again() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  next_parameter_ = 1;
  bind_error_ = 0;
}

bool Cursor::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Cursor::number(int column) const { return sqlite3_column_int64(statement_, column); }
double Cursor::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Cursor::text(int column) const {
  const void* start = sqlite3_column_text(statement_, column);
  return bytes_at(start, sqlite3_column_bytes(statement_, column));
}

std::string_view Cursor::blob(int column) const {
  const void* start = sqlite3_column_blob(statement_, column);
  return bytes_at(start, sqlite3_column_bytes(statement_, column));
}

std::optional<std::string_view> Cursor::optional_blob(int column) const {
  if (is_null(column)) return std::nullopt;
  return blob(column);
}

EventId Cursor::id(int column) const {
  std::array<std::uint8_t, 16> bytes{};
  const std::string_view stored = blob(column);
  for (std::size_t i = 0; i < bytes.size() && i < stored.size(); ++i) bytes[i] = static_cast<std::uint8_t>(stored[i]);
  return EventId(bytes);
}

// --- connection ------------------------------------------------------------------------------------

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Use use) {
  // SQLite would make a database in memory, one for each connection.
  if (path.empty() || path.front() == ':')
    return fail(codes::kConfigInvalid, "[store] url names no file: sqlite:<path> is expected");
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (use == Use::kMigrate) flags |= SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  if (code != SQLITE_OK) {
    Error error = make_error(code, handle, path);
    sqlite3_close_v2(handle);
    return fail(std::move(error));
  }
  std::unique_ptr<Connection> connection(new Connection(handle, path));
  sqlite3_busy_handler(handle, wait_for_lock, &connection->wait_started_);
  if (auto set = connection->execute(use == Use::kRead ? kReadSettings : kWriteSettings); !set)
    return fail(std::move(set.error()));
  return connection;
}

Result<std::unique_ptr<Connection>> Connection::open_in_memory() {
  const std::string path = ":memory:";
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code == SQLITE_OK) return std::unique_ptr<Connection>(new Connection(handle, path));
  Error error = make_error(code, handle, path);
  sqlite3_close_v2(handle);
  return fail(std::move(error));
}

Connection::~Connection() {
  forget_statements();
  // The end of the last connection removes the log by its name, which may be another file's by now.
  if (has_moved()) sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_close_v2(handle_);
}

Result<Cursor> Connection::prepare(std::string_view sql) {
  if (const auto cached = statements_.find(sql); cached != statements_.end()) return Cursor(*this, cached->second);
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return fail(error(code));
  statements_.emplace(sql, statement);
  return Cursor(*this, statement);
}

Status Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error(code));
  return {};
}

Result<std::int64_t> Connection::read_number(std::string_view sql) {
  auto cursor = prepare(sql);
  if (!cursor) return fail(std::move(cursor.error()));
  const auto stepped = cursor->step();
  if (!stepped) return fail(stepped.error());
  if (*stepped == Cursor::Step::kDone)
    return fail(codes::kStoreCorrupt, path_ + ": no row answers " + std::string(sql));
  return cursor->number(0);
}

std::int64_t Connection::changed_rows() const { return sqlite3_changes64(handle_); }

bool Connection::is_in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

bool Connection::has_moved() const {
  int moved = 0;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

Error Connection::error(int code) {
  if (after_error(code) == AfterError::kReopen) broken_ = true;
  return make_error(code, handle_, path_);
}

void Connection::trim() {
  if (statements_.size() > kCachedStatements) forget_statements();
}

void Connection::forget_statements() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  statements_.clear();
}

// --- transaction -----------------------------------------------------------------------------------

Result<Transaction> Transaction::begin(Connection& connection, Kind kind) {
  auto cursor = connection.prepare(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
  if (!cursor) return fail(std::move(cursor.error()));
  if (auto begun = cursor->run(); !begun) return fail(std::move(begun.error()));
  return Transaction(connection);
}

Transaction::~Transaction() {
  if (connection_ == nullptr || !connection_->is_in_transaction()) return;
  if (auto rollback = connection_->prepare("ROLLBACK")) static_cast<void>(rollback->run());
}

Status Transaction::commit() {
  auto cursor = connection_->prepare("COMMIT");
  if (!cursor) return fail(std::move(cursor.error()));
  auto committed = cursor->run();
  if (committed) {
    connection_ = nullptr;
    return {};
  }
  // The frames may have reached the disk though the call failed, and a recovery would bring them back.
  if (&committed.error().code() == &codes::kStoreUnavailable)
    return fail(codes::kStoreInDoubt, committed.error().message());
  return committed;
}

}  // namespace penstock::store::sqlite
