#include "store/postgres/session_pool.h"

namespace penstock::store::postgres {

SessionPool::SessionPool(SessionOpener& opener, std::string role, std::size_t size)
    : opener_(opener), role_(std::move(role)), size_(size) {}

Result<SessionPool::Borrowed> SessionPool::borrow(Deadline deadline) {
  {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_until(lock, deadline.time(), [this] { return in_use_ < size_; }))
      return fail(codes::kStoreBusy, "all sessions of the store are in use");
    ++in_use_;
    while (!idle_.empty()) {
      StoreSession idle = std::move(idle_.back());
      idle_.pop_back();
      if (idle.generation == opener_.generation()) return Borrowed{std::move(idle), Borrowed::Origin::kIdle};
      idle.session->close();
    }
  }
  auto opened = opener_.open(role_, deadline);
  if (opened) return Borrowed{std::move(*opened), Borrowed::Origin::kNew};
  give_back({});
  return fail(std::move(opened.error()));
}

void SessionPool::give_back(StoreSession opened) {
  StoreSession ended;  // closed without the lock
  {
    std::lock_guard lock(mutex_);
    --in_use_;
    const bool usable = opened.session && !opened.session->broken() && !opened.session->in_transaction();
    (usable ? idle_.emplace_back() : ended) = std::move(opened);
  }
  freed_.notify_one();
}

void SessionPool::forget_idle() {
  std::vector<StoreSession> ended;
  std::lock_guard lock(mutex_);
  ended.swap(idle_);
}

}  // namespace penstock::store::postgres
