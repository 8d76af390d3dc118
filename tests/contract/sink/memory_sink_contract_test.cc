// The double passes the suite too: what the relay's tests stand on behaves like a sink.
#include <set>

#include "tests/contract/sink/sink_contract.h"
#include "tests/support/memory_sink.h"

namespace penstock::tests {
namespace {

class MemoryHarness final : public SinkHarness {
 public:
  explicit MemoryHarness(connectors::LaterMayPass later_may_pass) : later_may_pass_(later_may_pass) {
    broker_.decide_by([this](const Arrival& arrival) {
      return refused_ && arrival.id == refused_->id ? Fate::kRefuse : Fate::kDeliver;
    });
  }

  std::unique_ptr<connectors::Sink> make(connectors::OutcomeListener& listener) override {
    return std::make_unique<MemorySink>(
        broker_, listener,
        MemorySinkSettings{.later_may_pass = later_may_pass_, .runs = MemorySinkSettings::Runs::kByThread});
  }

  connectors::Message message(EventRef event) override {
    connectors::MessageBuilder builder(event);
    builder.message().destination = "memory";
    builder.message().key = event->key;
    builder.message().body = event->data;
    return std::move(builder).finish();
  }

  std::vector<Landed> landed(std::size_t count, Deadline deadline) override {
    broker_.wait_for_arrivals(count, deadline);
    std::vector<Landed> landed;
    for (const Arrival& arrival : broker_.arrivals()) landed.push_back({*arrival.key, arrival.id, arrival.body});
    return landed;
  }

  Possible hold() override {
    broker_.stop_work();
    return Possible::kYes;
  }
  void release() override { broker_.resume_work(); }

  Possible go_away() override {
    broker_.stop_work();
    broker_.refuse_open(Error(codes::kKafkaUnavailable, "the memory broker is away"));
    return Possible::kYes;
  }
  void come_back() override {
    broker_.refuse_open(std::nullopt);
    broker_.resume_work();
  }

  std::optional<EventRef> refused_event() override {
    if (!refused_) refused_ = event_for("refused", 0);
    return refused_;
  }

 private:
  const connectors::LaterMayPass later_may_pass_;
  EventRef refused_;
  MemoryBroker broker_;
};

SinkKit kit(std::string name, connectors::LaterMayPass later_may_pass) {
  return {std::move(name), [=] { return std::make_unique<MemoryHarness>(later_may_pass); }};
}

INSTANTIATE_TEST_SUITE_P(Memory, SinkContract,
                         testing::Values(kit("LaterMayPass", connectors::LaterMayPass::kYes),
                                         kit("NothingPasses", connectors::LaterMayPass::kNo)),
                         kit_name);

}  // namespace
}  // namespace penstock::tests
