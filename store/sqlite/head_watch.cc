#include "store/sqlite/head_watch.h"

#include <algorithm>

namespace penstock::store::sqlite {
namespace {

constexpr std::chrono::milliseconds kShortestPause{5}, kLongestPause{250};

}  // namespace

Result<Position> read_head(Database& database) {
  return database.read("reading the head", [](Connection& connection) -> Result<Position> {
    const auto head = connection.read_number("SELECT position FROM head");
    if (!head) return fail(head.error());
    return Position{*head};
  });
}

Position HeadWatch::known() const {
  std::lock_guard lock(mutex_);
  return known_;
}

void HeadWatch::appended(Position head) {
  {
    std::lock_guard lock(mutex_);
    known_ = head;
    ++appends_;
  }
  changed_.notify_all();
}

Result<Position> HeadWatch::wait_beyond(Position position, Deadline deadline, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  // What is known may come from a file that was since replaced, so the file is asked once.
  if (auto head = look(lock); !head || *head > position) return head;
  while (known_ <= position && !deadline.expired() && !stop.stop_requested()) {
    if (looking_ == Looking::kNobody && std::chrono::steady_clock::now() >= next_look_) {
      if (auto head = look(lock); !head) return head;
      continue;
    }
    // While somebody looks, its notification or the next pause ends this wait.
    const SteadyTime pause_end =
        looking_ == Looking::kNobody ? next_look_ : std::chrono::steady_clock::now() + kShortestPause;
    changed_.wait_until(lock, stop, std::min(deadline.time(), pause_end), [&] { return known_ > position; });
  }
  return known_;
}

Result<Position> HeadWatch::look(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t appends = appends_;
  const Position before = known_;
  looking_ = Looking::kSomebody;
  lock.unlock();
  auto head = read_head(database_);
  lock.lock();
  looking_ = Looking::kNobody;
  if (head) {
    // An append of this program that was committed meanwhile knows better.
    if (appends == appends_) known_ = *head;
    const bool foreign = known_ != before && appends == appends_;
    pause_ =
        foreign ? kShortestPause : std::min<Duration>(std::max<Duration>(pause_ * 2, kShortestPause), kLongestPause);
  }
  next_look_ = std::chrono::steady_clock::now() + pause_;
  changed_.notify_all();
  if (!head) return head;
  return known_;
}

}  // namespace penstock::store::sqlite
