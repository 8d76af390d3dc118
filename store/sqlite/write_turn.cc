#include "store/sqlite/write_turn.h"

namespace penstock::store::sqlite {

bool WriteTurn::enter(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = next_ticket_++;
  queue_.insert(ticket);
  const bool mine = changed_.wait_until(lock, deadline.time(), [&] { return !taken_ && *queue_.begin() == ticket; });
  queue_.erase(ticket);
  if (mine) taken_ = true;
  if (!mine) changed_.notify_all();  // perhaps the next one's turn came while this one gave up
  return mine;
}

void WriteTurn::leave() {
  {
    std::lock_guard lock(mutex_);
    taken_ = false;
  }
  changed_.notify_all();
}

std::size_t WriteTurn::waiting() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

}  // namespace penstock::store::sqlite
