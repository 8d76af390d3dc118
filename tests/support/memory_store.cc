#include "tests/support/memory_store.h"

#include "tests/support/memory/parts.h"

namespace penstock::tests {

MemoryStore::MemoryStore(std::shared_ptr<MemoryDatabase> database, Appending appending,
                         store::AppendQueueSettings settings)
    : parts_(std::make_unique<MemoryParts>(std::move(database), settings.limits)) {
  if (appending == Appending::kQueued) parts_->queue = std::make_unique<store::AppendQueue>(parts_->appender, settings);
}

MemoryStore::~MemoryStore() {
  if (parts_->queue != nullptr) parts_->queue->stop(Deadline::in(store::kStoreDrain));
  end_session();
}

void MemoryStore::end_session() {
  std::lock_guard lock(parts_->database->mutex_);
  parts_->session = std::make_shared<const int>(0);
}

Result<store::StoreIdentity> MemoryStore::identity() {
  return parts_->perform(StoreCall::kIdentity, [](MemoryDatabase& db) -> Result<store::StoreIdentity> {
    return store::StoreIdentity{"memory", 0, db.incarnation_};
  });
}

Result<std::vector<store::IntegrityCheck>> MemoryStore::check_integrity() {
  return parts_->perform(StoreCall::kReadLog, [](MemoryDatabase& db) -> Result<std::vector<store::IntegrityCheck>> {
    using Verdict = store::IntegrityCheck::Verdict;
    bool contiguous = true;
    for (std::size_t at = 0; at < db.log_.size(); ++at)
      contiguous = contiguous && index_of(*db.log_[at]->position) == at;
    return std::vector<store::IntegrityCheck>{{"positions run from the floor to the head without a gap",
                                               contiguous ? Verdict::kProved : Verdict::kBroken,
                                               std::to_string(db.log_.size()) + " rows"}};
  });
}

store::EventStore& MemoryStore::events() { return parts_->events; }
store::EventLog& MemoryStore::log() { return parts_->log; }
store::Checkpoints& MemoryStore::checkpoints() { return parts_->checkpoints; }
SourceCheckpoints& MemoryStore::source_checkpoints() { return parts_->source_checkpoints; }
store::Leases& MemoryStore::leases() { return parts_->leases; }
store::ParkedEvents& MemoryStore::parked() { return parts_->parked; }
store::RouteStates& MemoryStore::route_states() { return parts_->route_states; }
store::Retention& MemoryStore::retention() { return parts_->retention; }
store::Gaps& MemoryStore::gaps() { return parts_->gaps; }
store::Attempts& MemoryStore::attempts() { return parts_->attempts; }

}  // namespace penstock::tests
