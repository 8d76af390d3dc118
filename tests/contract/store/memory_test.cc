#include "tests/contract/store/store_contract.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"

namespace penstock::tests {
namespace {

class MemoryBackend final : public StoreBackend {
 public:
  std::unique_ptr<store::Store> open(store::StoreSettings settings) override {
    return std::make_unique<MemoryStore>(
        database_, MemoryStore::Appending::kQueued,
        store::AppendQueueSettings{.queue_bytes = settings.queue_bytes, .limits = settings.limits});
  }
  void take_away() override { database_->go_away(); }
  void bring_back() override { database_->come_back(); }
  void age(std::chrono::seconds by) override { clock_.advance(by); }

 private:
  ManualClock clock_;
  std::shared_ptr<MemoryDatabase> database_ = std::make_shared<MemoryDatabase>(clock_);
};

const BackendKind kMemory{"Memory", [] { return std::make_unique<MemoryBackend>(); }};

PENSTOCK_RUN_STORE_CONTRACT(Store, kMemory);

}  // namespace
}  // namespace penstock::tests
