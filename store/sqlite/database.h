// One file, as the contracts of this room see it: one connection that writes, a few that read.
//
// Threads: any. All writes of this program go through one connection and one turn, so that they wait
// for each other fairly and share one page cache; the file's own lock holds other programs off. Reads
// have connections of their own and wait for nothing but another reader when all of these are in use.
// Connections are opened when they are needed and closed after an error that they can't outlive.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/write_turn.h"

namespace penstock::store::sqlite {

// How long a call waits for its turn before it answers store.busy.
inline constexpr std::chrono::seconds kTurnWait{1};

// The clock of the database is that of the machine: all programs on one file share it.
Timestamp database_now();
inline std::int64_t microseconds_of(Timestamp time) { return time.time_since_epoch().count(); }
inline Timestamp timestamp_of(std::int64_t microseconds) { return Timestamp(std::chrono::microseconds(microseconds)); }

class Database {
 public:
  explicit Database(std::string path);

  const std::string& path() const { return path_; }

  // Runs `work(Connection&)`, which returns a Result, inside one write transaction: committed when
  // it succeeds, rolled back when it fails.
  template <typename Work>
  std::invoke_result_t<Work, Connection&> write(std::string_view doing, Work work);

  // Runs `work(Connection&)` on a connection that reads.
  template <typename Work>
  std::invoke_result_t<Work, Connection&> read(std::string_view doing, Work work);

 private:
  static constexpr std::size_t kReaders = 4;

  // The writing connection, ready; its turn is given back when the guard goes.
  class Writing {
   public:
    Writing(Database& database, Connection& connection) : database_(&database), connection_(&connection) {}
    ~Writing();
    Writing(Writing&& other) noexcept
        : database_(std::exchange(other.database_, nullptr)), connection_(other.connection_) {}
    Writing& operator=(Writing&&) = delete;
    Connection& connection() { return *connection_; }

   private:
    Database* database_;
    Connection* connection_;
  };
  class Reading {
   public:
    Reading(Database& database, std::unique_ptr<Connection> connection)
        : database_(&database), connection_(std::move(connection)) {}
    ~Reading();
    Reading(Reading&&) noexcept = default;
    Reading& operator=(Reading&&) = delete;
    Connection& connection() { return *connection_; }

   private:
    Database* database_;
    std::unique_ptr<Connection> connection_;  // null: moved from
  };

  Result<Writing> start_writing();
  Result<Reading> start_reading();
  Result<std::unique_ptr<Connection>> open(Connection::Use use) const;

  const std::string path_;
  // Whether the file was ever there: then a missing one is away, and not still to be made.
  mutable std::atomic<bool> seen_ = false;

  WriteTurn turn_;
  std::unique_ptr<Connection> writer_;  // whoever has the turn

  std::mutex readers_mutex_;  // guards the next three
  std::condition_variable reader_free_;
  std::vector<std::unique_ptr<Connection>> idle_readers_;
  std::size_t readers_in_use_ = 0;
};

template <typename Work>
std::invoke_result_t<Work, Connection&> Database::write(std::string_view doing, Work work) {
  const auto refuse = [doing](Error error) { return fail(std::move(error).with_context(doing)); };
  auto writing = start_writing();
  if (!writing) return refuse(std::move(writing.error()));
  auto transaction = Transaction::begin(writing->connection(), Transaction::Kind::kWrite);
  if (!transaction) return refuse(std::move(transaction.error()));
  auto answer = work(writing->connection());
  if (!answer) return refuse(std::move(answer.error()));
  if (auto committed = transaction->commit(); !committed) return refuse(std::move(committed.error()));
  return answer;
}

template <typename Work>
std::invoke_result_t<Work, Connection&> Database::read(std::string_view doing, Work work) {
  auto reading = start_reading();
  if (!reading) return fail(std::move(reading.error()).with_context(doing));
  auto answer = work(reading->connection());
  if (!answer) return fail(std::move(answer.error()).with_context(doing));
  return answer;
}

}  // namespace penstock::store::sqlite
