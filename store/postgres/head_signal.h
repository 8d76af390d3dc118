// Wakes those who wait for new events: at once for appends of this process, by a poll for those of
// others. However many routes wait, one of them polls for all, every 5 ms while foreign events arrive
// and every 250 ms when none do.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

#include "core/clock.h"
#include "core/error.h"
#include "core/ids.h"

namespace penstock::store::postgres {

// Thread-safe.
class HeadSignal {
 public:
  using LoadHead = std::function<Result<Position>()>;
  explicit HeadSignal(LoadHead load) : load_(std::move(load)) {}

  // Everything up to here is committed.
  void committed(Position head);
  Position known() const;
  // Asks the database; what it says holds, also when it is less than what was known (a failover that
  // lost its tail).
  Result<Position> refresh();

  // See EventLog::wait_beyond.
  Result<Position> wait_beyond(Position position, Deadline deadline, std::stop_token stop);

 private:
  Result<Position> poll();

  const LoadHead load_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  Position known_;
  std::uint64_t commits_ = 0;  // raised by committed()
  enum class Poller { kNone, kAtWork } poller_ = Poller::kNone;
  SteadyTime next_poll_{};
  Duration interval_ = kIdle;
  static constexpr Duration kBusy = std::chrono::milliseconds(5);
  static constexpr Duration kIdle = std::chrono::milliseconds(250);
};

}  // namespace penstock::store::postgres
