// A connection to one SQLite file, its prepared statements and its transactions. Every failure is a
// Result; a connection is used by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/error.h"
#include "core/ids.h"

struct sqlite3;
struct sqlite3_stmt;

namespace penstock::store::sqlite {

inline constexpr std::chrono::milliseconds kBusyTimeout{1'000};

class Connection;

// One use of a prepared statement. The end of a cursor resets it, which also ends its read snapshot.
// Bound text and blobs must live until then. A bind that fails is reported by the next step.
class Cursor {
 public:
  Cursor(Connection& connection, sqlite3_stmt* statement) : connection_(&connection), statement_(statement) {}
  ~Cursor();
  Cursor(Cursor&& other) noexcept;
  Cursor& operator=(Cursor&&) = delete;
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // Parameters in their order, from ?1 on.
  Cursor& bind(std::int64_t number);
  Cursor& bind(std::optional<std::int64_t> number);
  Cursor& bind(std::optional<double> number);
  Cursor& bind_text(std::string_view text);
  Cursor& bind_optional_text(std::optional<std::string_view> text);
  Cursor& bind_blob(std::optional<std::string_view> bytes);
  Cursor& bind_id(const EventId& id);

  enum class Step { kRow, kDone };
  Result<Step> step();
  // Steps to the one row that is always there. Error: store.corrupt where `table` has none.
  Status step_to_row_of(std::string_view table);
  // Steps to the end of a statement that yields no row.
  Status run();
  // Ready to be bound and stepped again.
  void again();

  // Of the row that the last step yielded, columns from 0. Views live until the next step.
  bool is_null(int column) const;
  std::int64_t number(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;
  std::string_view blob(int column) const;
  std::optional<std::string_view> optional_blob(int column) const;
  EventId id(int column) const;

 private:
  Connection* connection_;
  sqlite3_stmt* statement_;
  int next_parameter_ = 1;
  int bind_error_ = 0;
};

class Connection {
 public:
  enum class Use {
    kRead,     // never writes
    kWrite,    // synchronous=FULL; the file must be there
    kMigrate,  // as kWrite, creates the file and switches it to write-ahead logging
  };
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Use use);
  // An empty database that goes with the connection.
  static Result<std::unique_ptr<Connection>> open_in_memory();
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // From the cache, or prepared now. One cursor at a time for one text.
  Result<Cursor> prepare(std::string_view sql);
  // Any number of statements without parameters.
  Status execute(const std::string& sql);
  // Of a query that always has a row. Error: store.corrupt where it has none.
  Result<std::int64_t> read_number(std::string_view sql);

  std::int64_t changed_rows() const;
  bool is_in_transaction() const;
  // Whether the file under this connection is no longer the one at its path: writes would be lost.
  bool has_moved() const;

  // Set by the first error after which this connection must not be used again.
  bool is_broken() const { return broken_; }
  Error error(int code);
  // Forgets prepared statements when they have become many. No cursor is in use.
  void trim();

 private:
  Connection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  void forget_statements();

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  sqlite3* handle_;
  const std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*, TextHash, std::equal_to<>> statements_;
  bool broken_ = false;
  std::chrono::steady_clock::time_point wait_started_{};  // of a wait for the file's lock
};

// Rolls back unless committed.
class Transaction {
 public:
  enum class Kind {
    kRead,   // one snapshot
    kWrite,  // takes the file's write lock at once, waiting up to kBusyTimeout
  };
  static Result<Transaction> begin(Connection& connection, Kind kind);
  ~Transaction();
  Transaction(Transaction&& other) noexcept : connection_(other.connection_) { other.connection_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // store.in_doubt where the disk failed while the commit was being written.
  Status commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;  // null: ended
};

}  // namespace penstock::store::sqlite
