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
    if (!idle_.empty()) {
      auto session = std::move(idle_.back());
      idle_.pop_back();
      return Borrowed{std::move(session), Borrowed::Origin::kIdle};
    }
  }
  auto opened = opener_.open(role_, deadline);
  if (opened) return Borrowed{std::move(opened->session), Borrowed::Origin::kNew};
  give_back(nullptr);
  return fail(std::move(opened.error()));
}

void SessionPool::give_back(std::unique_ptr<Session> session) {
  std::unique_ptr<Session> ended;  // closed without the lock
  {
    std::lock_guard lock(mutex_);
    --in_use_;
    const bool usable = session && !session->broken() && !session->in_transaction();
    (usable ? idle_.emplace_back() : ended) = std::move(session);
  }
  freed_.notify_one();
}

void SessionPool::forget_idle() {
  std::vector<std::unique_ptr<Session>> ended;
  std::lock_guard lock(mutex_);
  ended.swap(idle_);
}

}  // namespace penstock::store::postgres
