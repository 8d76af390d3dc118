#include "store/postgres/head_signal.h"

#include <algorithm>
#include <exception>

namespace penstock::store::postgres {

void HeadSignal::committed(Position head) {
  {
    std::lock_guard lock(mutex_);
    ++commits_;
    known_ = std::max(known_, head);
  }
  changed_.notify_all();
}

Position HeadSignal::known() const {
  std::lock_guard lock(mutex_);
  return known_;
}

Result<Position> HeadSignal::refresh() {
  const std::uint64_t commits_before = [this] {
    std::lock_guard lock(mutex_);
    return commits_;
  }();
  auto loaded = load_();
  if (!loaded) return loaded;
  {
    std::lock_guard lock(mutex_);
    // A commit of ours in between may be newer than what was loaded.
    if (commits_ == commits_before)
      known_ = *loaded;
    else
      known_ = std::max(known_, *loaded);
  }
  changed_.notify_all();
  return loaded;
}

Result<Position> HeadSignal::poll() {
  try {
    return refresh();
  } catch (const std::exception&) {
    // It is passed on to this caller alone; another one polls next.
    std::lock_guard lock(mutex_);
    poller_ = Poller::kNone;
    changed_.notify_all();
    throw;
  }
}

Result<Position> HeadSignal::wait_beyond(Position position, Deadline deadline, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (known_ > position) return known_;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (stop.stop_requested() || now >= deadline.time()) return known_;
    if (poller_ == Poller::kNone && now >= next_poll_) {
      poller_ = Poller::kAtWork;
      const Position before = known_;
      lock.unlock();
      auto head = poll();
      lock.lock();
      poller_ = Poller::kNone;
      interval_ = head && *head > before ? kBusy : std::min<Duration>(interval_ * 2, kIdle);
      next_poll_ = std::chrono::steady_clock::now() + interval_;
      changed_.notify_all();
      if (!head) return head;
      continue;
    }
    if (poller_ == Poller::kNone) {
      changed_.wait_until(lock, stop, std::min(next_poll_, deadline.time()), [&] { return known_ > position; });
    } else {
      // Whoever polls wakes the others; the next poll may fall to any of them.
      changed_.wait_until(lock, stop, deadline.time(), [&] { return known_ > position || poller_ == Poller::kNone; });
    }
  }
}

}  // namespace penstock::store::postgres
