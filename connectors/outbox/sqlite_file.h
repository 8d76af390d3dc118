// A SQLite database file that belongs to another service: opened, never created, and left in the
// journal mode it has. Internal to this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "connectors/outbox/row_shape.h"
#include "core/clock.h"
#include "core/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace penstock::outbox {

// How long calls wait for the locks of other connections.
struct LockPatience {
  Deadline until;
  std::stop_token stop = {};
};

// What the calls of one file wait by.
struct SqliteWaiting {
  LockPatience patience;
  std::stop_token given_up;

  bool is_stopped() const { return patience.stop.stop_requested() || given_up.stop_requested(); }
};

// Of a file that outlives its steps.
class SqliteStatement {
 public:
  SqliteStatement() = default;
  SqliteStatement(sqlite3_stmt* owned, const SqliteWaiting& waiting);

  // 1, 2 … Bytes are not copied: they live until the statement is reset.
  void bind(int index, std::int64_t number);
  void bind(int index, std::string_view text);
  void bind(int index, const Cell& cell);

  enum class Step { kRow, kDone };
  Result<Step> step();
  // Frees the snapshot that the statement holds.
  void reset();

  std::int64_t integer(int column) const;
  std::string_view text(int column) const;  // until the next step
  bool is_null(int column) const;
  bool is_integer(int column) const;
  // Until the next step. A floating-point number comes as its text.
  Cell cell(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const SqliteWaiting* waiting_ = nullptr;
};

class SqliteFile {
 public:
  // `patience`: until another one is named. `given_up`, requested from any thread: ends each wait, and each statement
  // that runs. Errors: outbox.unavailable, outbox.unauthorized, outbox.corrupt; of each call also outbox.busy when a
  // lock outlasts the patience, core.stopped when it was stopped or given up.
  static Result<SqliteFile> open(const std::string& path, const LockPatience& patience, std::stop_token given_up = {});

  SqliteFile() = default;

  void be_patient(const LockPatience& patience) const { waiting_->patience = patience; }

  // Error outbox.unavailable once another file stands in its place, or none: whoever writes goes on there.
  Status check_in_place() const;

  Result<SqliteStatement> prepare(const std::string& sql) const;
  Status execute(const std::string& sql) const;

  // Values and rows beyond this many bytes are not read: a step that meets one fails with
  // last_was_too_big().
  void limit_value_bytes(std::size_t bytes) const;
  bool last_was_too_big() const;

  // Size of a text or blob without reading it; nullopt for other values.
  std::optional<std::uint64_t> value_bytes(const std::string& table, const std::string& column,
                                           std::int64_t rowid) const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::string path_;
  std::unique_ptr<SqliteWaiting> waiting_;
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace penstock::outbox
