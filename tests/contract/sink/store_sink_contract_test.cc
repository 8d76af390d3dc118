// The event store as a sink, over the store in memory: the ingest end of every route.
#include <condition_variable>
#include <mutex>

#include "connectors/store/store_sink.h"
#include "tests/contract/sink/sink_contract.h"
#include "tests/support/memory_store.h"
#include "tests/support/recording_log.h"

namespace penstock::tests {
namespace {

class StoreHarness final : public SinkHarness {
 public:
  StoreHarness() {
    database_->set_faults({.before = [this](StoreCall call) -> std::optional<Error> {
      if (call == StoreCall::kAppend) wait_while_held();
      return std::nullopt;
    }});
  }
  ~StoreHarness() override { release(); }

  std::unique_ptr<connectors::Sink> make(connectors::OutcomeListener& listener) override {
    return connectors::make_store_sink({store_.events(), store_.log(), store_.gaps()}, listener, words_);
  }

  connectors::Message message(EventRef event) override {
    connectors::Message message;
    message.event = std::move(event);
    message.key = message.event->key;
    return message;
  }

  std::vector<Landed> landed(std::size_t, Deadline) override {
    std::vector<Landed> landed;
    Position after{0};
    for (;;) {
      const auto page = store_.log().read_after(after, {}, {});
      if (!page || page->events->empty()) return landed;
      for (const Event& event : page->events->events())
        landed.push_back({std::string(key_of(event.stream, event.category)), event.id,
                          event.data ? std::optional(std::string(*event.data)) : std::nullopt});
      after = page->reached;
    }
  }

  Possible hold() override {
    std::lock_guard lock(mutex_);
    held_ = true;
    return Possible::kYes;
  }
  void release() override {
    {
      std::lock_guard lock(mutex_);
      held_ = false;
    }
    changed_.notify_all();
  }
  Possible go_away() override {
    database_->go_away();
    return Possible::kYes;
  }
  void come_back() override { database_->come_back(); }

  // Beyond the limit of an event.
  std::optional<EventRef> refused_event() override { return event_for("refused", 0, std::string(2 << 20, 'x')); }

 private:
  void wait_while_held() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [this] { return !held_; });
  }

  const SystemClock clock_;
  RecordingLog words_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::shared_ptr<MemoryDatabase> database_ = std::make_shared<MemoryDatabase>(clock_);
  MemoryStore store_{database_};
};

INSTANTIATE_TEST_SUITE_P(Store, SinkContract,
                         testing::Values(SinkKit{"Memory", [] { return std::make_unique<StoreHarness>(); }}), kit_name);

}  // namespace
}  // namespace penstock::tests
