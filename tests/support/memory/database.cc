#include "tests/support/memory/parts.h"

namespace penstock::tests {

void MemoryDatabase::go_away() {
  {
    std::scoped_lock lock(fault_mutex_, mutex_);
    away_ = true;
  }
  changed_.notify_all();
}

void MemoryDatabase::come_back() {
  std::lock_guard lock(fault_mutex_);
  away_ = false;
}

void MemoryDatabase::set_faults(StoreFaults faults) {
  std::lock_guard lock(fault_mutex_);
  faults_ = std::make_shared<const StoreFaults>(std::move(faults));
}

void MemoryDatabase::fail_next(StoreCall call, Error error, int times) {
  std::lock_guard lock(fault_mutex_);
  for (int i = 0; i < times; ++i) next_errors_.emplace(call, error);
}

void MemoryDatabase::raise_incarnation() {
  std::lock_guard lock(mutex_);
  ++incarnation_;
}

void MemoryDatabase::lose_events_beyond(Position position) {
  std::lock_guard lock(mutex_);
  while (log_.size() > static_cast<std::size_t>(position.value)) {
    const Event& lost = *log_.back();
    const std::string name(lost.stream);
    ids_.erase({lost.id, name});
    auto& positions = streams_.at(name).positions;
    positions.pop_back();
    if (positions.empty()) streams_.erase(name);
    log_.pop_back();
  }
}

Status MemoryParts::before(StoreCall call) {
  std::shared_ptr<const StoreFaults> faults;
  {
    std::lock_guard lock(database->fault_mutex_);
    if (database->away_) return fail(codes::kStoreUnavailable, "the memory database is away");
    if (auto next = database->next_errors_.find(call); next != database->next_errors_.end())
      return fail(database->next_errors_.extract(next).mapped());
    faults = database->faults_;
  }
  if (!faults->before) return {};
  if (auto error = faults->before(call)) return fail(std::move(*error));
  return {};
}

Status MemoryParts::after(StoreCall call) {
  std::shared_ptr<const StoreFaults> faults;
  {
    std::lock_guard lock(database->fault_mutex_);
    faults = database->faults_;
  }
  if (!faults->after) return {};
  if (auto error = faults->after(call)) return fail(std::move(*error));
  return {};
}

}  // namespace penstock::tests
