// The event store as a source, over the store in memory.
#include "connectors/store/store_source.h"
#include "tests/contract/source/source_contract.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/recording_log.h"

namespace penstock::tests {
namespace {

class StoreLog final : public SourceTable {
 public:
  std::unique_ptr<connectors::Source> make_source() override {
    connectors::StoreSourceSettings settings;
    settings.route = "r";
    return connectors::make_store_source(std::move(settings), store_.log(), store_.checkpoints(), store_.gaps(),
                                         words_);
  }
  // Each opening is by another owner, which takes the lease over.
  connectors::OpenRequest request() override {
    if (lease_) static_cast<void>(store_.leases().release(*lease_));
    lease_ = store_.leases().take("route/r", "me").value();
    return {*lease_, {}};
  }
  void write(std::string_view key, int number) override {
    const std::string stream = "order-" + std::string(key), data = std::to_string(number);
    store::AppendRequest request;
    request.events.push_back(make_event({.id = EventId::from_name(kNamespaceUrl, stream + data),
                                         .stream = stream,
                                         .category = "order",
                                         .type = "counted",
                                         .data = data}));
    store_.events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(10))).value();
  }
  std::size_t unsettled() override {
    const auto checkpoint = store_.checkpoints().load("r").value();
    const std::int64_t settled = checkpoint ? checkpoint->position.value : 0;
    return static_cast<std::size_t>(store_.log().head()->value - settled);
  }

 private:
  ManualClock clock_;
  RecordingLog words_;
  MemoryStore store_{std::make_shared<MemoryDatabase>(clock_)};
  std::optional<Lease> lease_;
};

PENSTOCK_RUN_SOURCE_CONTRACT((SourceTableKind{"Store", [] { return std::make_unique<StoreLog>(); }}));

}  // namespace
}  // namespace penstock::tests
