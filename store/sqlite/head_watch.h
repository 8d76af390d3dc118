// Wakes those who wait for the log to grow: at once for appends of this program, by an adaptive look
// at the head (5 ms after a foreign append, 250 ms when there are none) for those of others.
// Threads: any.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "core/clock.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

Result<Position> read_head(Database& database);

class HeadWatch {
 public:
  explicit HeadWatch(Database& database) : database_(database) {}

  // What was seen last.
  Position known() const;

  // The sequencer committed up to here.
  void appended(Position head);

  // See EventLog::wait_beyond.
  Result<Position> wait_beyond(Position position, Deadline deadline, std::stop_token stop);

 private:
  Result<Position> look(std::unique_lock<std::mutex>& lock);

  Database& database_;
  mutable std::mutex mutex_;  // guards what follows; never held while the database is asked
  std::condition_variable_any changed_;
  Position known_{0};
  std::uint64_t appends_ = 0;
  Duration pause_{};
  SteadyTime next_look_{};
  enum class Looking { kNobody, kSomebody } looking_ = Looking::kNobody;
};

}  // namespace penstock::store::sqlite
