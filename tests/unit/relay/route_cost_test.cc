// What the relay's loop costs per event: allocations, counted by operator new, and processor time.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <deque>

#include "relay/route_machine.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/relay/counted_new.h"

namespace penstock::relay {
namespace {

// Reports delivered at the next look.
class InstantSink final : public connectors::Sink {
 public:
  explicit InstantSink(connectors::LaterMayPass promise) : promise_(promise) {}
  connectors::LaterMayPass later_may_pass() const override { return promise_; }
  Status open(Deadline, std::stop_token) override { return {}; }
  connectors::Submitted submit(connectors::Ticket ticket, const connectors::Message& message) override {
    bytes += message.body->size();
    reports.push_back({ticket, connectors::Outcome::kDelivered, nullptr});
    return connectors::Submitted::kAccepted;
  }
  void flush() override {}
  Drained drain(Deadline) override { return Drained::kAll; }
  void abandon() override {}
  connectors::SinkState state() const override { return {connectors::SinkState::Phase::kReady, nullptr}; }

  std::vector<connectors::DeliveryReport> reports;
  std::size_t bytes = 0;

 private:
  const connectors::LaterMayPass promise_;
};

// Seven headers, as much as any convention writes.
class SevenHeaders final : public connectors::WireProfile {
 public:
  std::string_view name() const override { return "seven"; }
  void encode(const Event& event, connectors::MessageBuilder& builder) const override {
    builder.header("id", builder.render(event.id));
    builder.header("type", event.type);
    builder.header("stream", event.stream);
    builder.header("version", builder.render(event.version->value));
    builder.header("position", builder.render(event.position->value));
    builder.header("time", builder.render(*event.recorded_at));
    builder.header("content-type", event.content_type);
    builder.message().body = event.data;
  }
};

constexpr std::size_t kPage = 1'000, kKeys = 1'000;
#if defined(NDEBUG)
constexpr std::uint64_t kTimedEvents = 500'000;
#else
constexpr std::uint64_t kTimedEvents = 20'000;
#endif

// Pages of one store: the batch is shared by all of them, so that only the relay's cost is measured.
class Pages {
 public:
  Pages() {
    EventBatchBuilder builder;
    builder.reserve(kPage);
    const std::string data(330, 'x');
    for (std::size_t i = 0; i < kPage; ++i) {
      Event event;
      event.stream = builder.keep("order-" + std::to_string(i % kKeys));
      event.category = "order";
      event.type = "placed";
      event.data = builder.keep(data);
      event.key = event.stream.substr(6);
      event.version = Version{1};
      event.position = Position{static_cast<std::int64_t>(i + 1)};
      event.recorded_at = Timestamp(std::chrono::seconds(1'700'000'000));
      builder.add(event);
    }
    batch_ = std::move(builder).finish();
  }

  connectors::ReadBatch next(std::size_t room) {
    connectors::ReadBatch page;
    const std::size_t count = std::min(room, kPage);
    page.items.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      page.items[i].mark = ReadMark{++mark_};
      page.items[i].event = EventBatch::ref(batch_, i);
    }
    return page;
  }

 private:
  std::shared_ptr<const EventBatch> batch_;
  std::uint64_t mark_ = 0;
};

// A machine that is fed as fast as it takes.
class Loop final : private SourcePort, private LeasePort {
 public:
  explicit Loop(connectors::LaterMayPass promise) : sink_(promise) {
    RouteSettings settings;
    settings.name = "cost";
    settings.templates.destination = "outbox.event.{category}";
    machine_ = std::make_unique<RouteMachine>(settings, "store", *Mapping::make(settings, &wire_),
                                              RouteMachine::Ends{*this, *this, sink_, turn_}, surroundings_, voice_,
                                              interrupt_);
    machine_->advance();
    machine_->on_lease(LeaseTaken{{"route/cost", "me", Epoch{1}}, SteadyTime::max()});
  }

  void run_until_delivered(std::uint64_t events) {
    while (machine_->report().counters.delivered < events) {
      machine_->advance();
      reports_.swap(sink_.reports);
      sink_.reports.clear();
      machine_->on_reports(reports_);
      while (!commands_.empty()) {
        const SourceCommand command = std::move(commands_.front());
        commands_.pop_front();
        answer(command);
      }
    }
  }

  std::uint64_t settle_calls() const { return machine_->report().counters.settle_calls; }

 private:
  void post(SourceCommand command) override { commands_.push_back(std::move(command)); }
  void take() override {}
  void release(const Lease&) override {}

  void answer(const SourceCommand& command) {
    if (std::holds_alternative<OpenSource>(command)) machine_->on_source(SourceOpened{Status()}, {});
    if (const auto* read = std::get_if<ReadSource>(&command))
      machine_->on_source(SourceRead{pages_.next(read->room.events)}, {});
    if (const auto* settle = std::get_if<SettleSource>(&command))
      machine_->on_source(SourceSettled{settle->mark, Status()}, {});
  }

  SystemClock clock_;
  tests::SeededRandom random_{1};
  tests::RecordingLog log_;
  connectors::Surroundings surroundings_{clock_, random_, log_, "me"};
  RouteVoice voice_{"cost", clock_, log_};
  std::stop_token interrupt_;
  SevenHeaders wire_;
  InstantSink sink_;
  Pages pages_;
  std::deque<SourceCommand> commands_;
  std::vector<connectors::DeliveryReport> reports_;
  CareTurn turn_;
  std::unique_ptr<RouteMachine> machine_;
};

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class RouteCost : public testing::TestWithParam<connectors::LaterMayPass> {};

TEST_P(RouteCost, StaysBelowFiveAllocationsAnEvent) {
  Loop loop(GetParam());
  loop.run_until_delivered(20'000);
  const std::uint64_t before = tests::allocations_so_far();
  loop.run_until_delivered(40'000);
  const double each = static_cast<double>(tests::allocations_so_far() - before) / 20'000;
  std::printf("allocations per event: %.2f\n", each);
  EXPECT_LE(each, 5.0);
  EXPECT_GT(each, 0.5) << "the counter counts nothing";
}

TEST_P(RouteCost, SettlesAtMostOnceInAHundredEvents) {
  Loop loop(GetParam());
  loop.run_until_delivered(20'000);
  EXPECT_LE(loop.settle_calls(), 200U);
  EXPECT_GE(loop.settle_calls(), 5U);
}

TEST_P(RouteCost, PrintsEventsPerSecondOfProcessorTime) {
  Loop loop(GetParam());
  loop.run_until_delivered(20'000);
  const double before = processor_seconds();
  loop.run_until_delivered(20'000 + kTimedEvents);
  const double rate = static_cast<double>(kTimedEvents) / (processor_seconds() - before);
  std::printf("events per second of one processor: %.0f\n", rate);
#if defined(NDEBUG)
  EXPECT_GE(rate, 250'000) << "half of the aim, so that a busy machine doesn't fail it";
#endif
}

INSTANTIATE_TEST_SUITE_P(Relay, RouteCost,
                         testing::Values(connectors::LaterMayPass::kNo, connectors::LaterMayPass::kYes),
                         [](const auto& promise) {
                           return promise.param == connectors::LaterMayPass::kNo ? "Pipelined" : "Keyed";
                         });

}  // namespace
}  // namespace penstock::relay
