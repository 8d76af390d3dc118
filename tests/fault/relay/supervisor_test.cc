// Whole routes in their threads, over memory doubles and the real clock.
#include "relay/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/invariant.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_sink.h"
#include "tests/support/memory_source.h"
#include "tests/support/memory_store.h"
#include "tests/support/recording_log.h"

namespace penstock::relay {
namespace {

using namespace std::chrono_literals;
using tests::eventually;

// A table, a broker and the plan of a route between them.
struct Line {
  tests::MemoryTable table;
  tests::MemoryBroker broker;

  void add(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t number = from; number <= to; ++number)
      table.add(tests::counted_event("k" + std::to_string(number % 17), number));
  }

  RoutePlan plan(std::string name) {
    RoutePlan plan;
    plan.settings.name = std::move(name);
    plan.settings.templates.destination = "events";
    plan.settings.retry = {1ms, 50ms};
    plan.source_name = "outbox";
    plan.make_source = [this]() -> Result<std::unique_ptr<connectors::Source>> {
      return std::make_unique<tests::MemorySource>(
          table, tests::MemorySourceSettings{.when_empty = tests::MemorySourceSettings::WhenEmpty::kWaits});
    };
    plan.make_sink = [this](connectors::OutcomeListener& listener) -> Result<std::unique_ptr<connectors::Sink>> {
      return std::make_unique<tests::MemorySink>(
          broker, listener, tests::MemorySinkSettings{.runs = tests::MemorySinkSettings::Runs::kByThread});
    };
    return plan;
  }

  bool all_settled() { return table.wait_for_settled(table.rows(), Deadline::in(20s)); }

  std::size_t duplicates() const {
    std::set<EventId> seen;
    std::size_t count = 0;
    for (const tests::Arrival& arrival : broker.arrivals()) count += seen.insert(arrival.id).second ? 0 : 1;
    return count;
  }
};

// Holds what it took until it goes, as a client library does whose queue is full.
class HoardingSink final : public connectors::Sink {
 public:
  explicit HoardingSink(std::string& last_words) : last_words_(last_words) {}
  ~HoardingSink() override {
    for (const connectors::Message* message : messages_) last_words_.append(*message->body).append(" ");
  }
  connectors::LaterMayPass later_may_pass() const override { return connectors::LaterMayPass::kYes; }
  Status open(Deadline, std::stop_token) override {
    state_.phase = connectors::SinkState::Phase::kReady;
    return {};
  }
  connectors::Submitted submit(connectors::Ticket, const connectors::Message& message) override {
    messages_.push_back(&message);
    taken_ = messages_.size();
    return connectors::Submitted::kAccepted;
  }
  void flush() override {}
  Drained drain(Deadline) override { return Drained::kAll; }
  void abandon() override {}
  connectors::SinkState state() const override { return state_; }

  static inline std::atomic<std::size_t> taken_ = 0;

 private:
  std::string& last_words_;
  connectors::SinkState state_;
  std::vector<const connectors::Message*> messages_;
};

class SupervisorTest : public testing::Test {
 protected:
  template <typename... Plans>
  void start(Plans... plans) {
    std::vector<RoutePlan> all;
    (all.push_back(std::move(plans)), ...);
    supervisor_ = std::make_unique<Supervisor>(*store_, surroundings_, std::move(all));
    supervisor_->start();
  }

  void restart(RoutePlan plan) {
    supervisor_.reset();
    store_ = std::make_unique<tests::MemoryStore>(database_);
    start(std::move(plan));
  }

  bool reaches(std::string_view phase, std::size_t route = 0) {
    return eventually([&] { return supervisor_->states()[route].phase == phase; });
  }

  std::size_t lines_with(std::string_view text) const {
    const auto lines = log_.lines();
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(), [&](const auto& line) { return line.message.find(text) != std::string::npos; }));
  }

  SystemClock clock_;
  SystemRandom random_;
  tests::RecordingLog log_;
  std::shared_ptr<tests::MemoryDatabase> database_ = std::make_shared<tests::MemoryDatabase>(clock_);
  std::unique_ptr<tests::MemoryStore> store_ = std::make_unique<tests::MemoryStore>(database_);
  connectors::Surroundings surroundings_{clock_, random_, log_, "this-instance"};
  Line line_;
  std::unique_ptr<Supervisor> supervisor_;
};

TEST_F(SupervisorTest, DeliversAndSettlesEverything) {
  line_.add(1, 2'000);
  start(line_.plan("one"));
  EXPECT_TRUE(line_.all_settled());
  line_.add(2'001, 2'100);
  EXPECT_TRUE(line_.all_settled());
  EXPECT_EQ(line_.duplicates(), 0U);
  EXPECT_EQ(line_.broker.arrival_count(), 2'100U);
}

TEST_F(SupervisorTest, KeepsMessagesUntilTheirSinkHasGone) {
  line_.add(1, 3);
  std::string words;
  RoutePlan plan = line_.plan("one");
  plan.make_sink = [&words](connectors::OutcomeListener&) -> Result<std::unique_ptr<connectors::Sink>> {
    return std::make_unique<HoardingSink>(words);
  };
  start(std::move(plan));
  ASSERT_TRUE(eventually([] { return HoardingSink::taken_ == 3; }));
  supervisor_.reset();
  EXPECT_EQ(words, "1 2 3 ");
}

TEST_F(SupervisorTest, HandsOutWhatItsRoutesCountByTheirNames) {
  RoutePlan plan = line_.plan("one");
  plan.settings.to = "broker";
  plan.source_kind = "outbox";
  plan.sink_kind = "kafka";
  line_.add(1, 100);
  start(std::move(plan));
  ASSERT_TRUE(eventually([&] { return supervisor_->reports().at(0).report.counters.delivered == 100; }));
  const NamedReport named = supervisor_->reports().at(0);
  EXPECT_EQ(named.route, "one");
  EXPECT_EQ(named.source.name + " " + named.source.kind, "outbox outbox");
  EXPECT_EQ(named.sink.name + " " + named.sink.kind, "broker kafka");
  EXPECT_EQ(named.report.phase, RoutePhase::kRunning);
  EXPECT_EQ(named.report.lease, RouteReport::Held::kYes);
  EXPECT_EQ(named.report.source_is, RouteReport::Open::kYes);
}

// What nobody drives is told as such.
TEST_F(SupervisorTest, ReportsNoLeaseWhereAnotherInstanceHoldsIt) {
  tests::MemoryStore other(database_);
  ASSERT_TRUE(other.leases().take("route/one", "other").has_value());
  start(line_.plan("one"));
  ASSERT_TRUE(reaches("standby"));
  EXPECT_EQ(supervisor_->reports().at(0).report.lease, RouteReport::Held::kNo);
  EXPECT_EQ(supervisor_->reports().at(0).report.source_is, RouteReport::Open::kNo);
}

TEST_F(SupervisorTest, OneSickSinkDoesNotSlowAnother) {
  Line sick;
  sick.broker.stop_work();
  sick.add(1, 1'000);
  line_.add(1, 1'000);
  start(sick.plan("sick"), line_.plan("well"));
  EXPECT_TRUE(line_.all_settled());
  EXPECT_EQ(sick.table.settled(), 0U);
  sick.broker.resume_work();
  EXPECT_TRUE(sick.all_settled());
  supervisor_.reset();
}

TEST_F(SupervisorTest, WaitsForADatabaseThatIsAwayAndSaysSoOnce) {
  std::atomic<bool> away = true;
  line_.table.fail_by([&away](tests::SourceCall) -> std::optional<tests::SourceFault> {
    if (!away) return std::nullopt;
    return tests::SourceFault{Error(codes::kOutboxUnavailable, "nobody listens on port 5432")};
  });
  line_.add(1, 100);
  start(line_.plan("one"));
  ASSERT_TRUE(reaches("backing_off"));
  EXPECT_EQ(supervisor_->states()[0].code, "outbox.unavailable");
  away = false;
  EXPECT_TRUE(line_.all_settled());
  EXPECT_TRUE(reaches("running"));
  EXPECT_EQ(lines_with("nobody listens"), 1U) << log_.text();
  EXPECT_EQ(lines_with("is running again"), 1U) << log_.text();
  supervisor_.reset();
}

TEST_F(SupervisorTest, WaitsForAStoreThatIsAway) {
  database_->go_away();
  line_.add(1, 100);
  start(line_.plan("one"));
  ASSERT_TRUE(reaches("backing_off"));
  database_->come_back();
  EXPECT_TRUE(line_.all_settled());
}

TEST_F(SupervisorTest, GoesOnAfterTheSinksSessionWasLost) {
  std::atomic<int> breaks = 3;
  line_.broker.decide_by([&breaks](const tests::Arrival&) {
    return breaks.fetch_sub(1) > 0 ? tests::Fate::kBreakSession : tests::Fate::kDeliver;
  });
  line_.add(1, 500);
  start(line_.plan("one"));
  EXPECT_TRUE(line_.all_settled());
  EXPECT_GE(line_.broker.opens(), 2U);
  supervisor_.reset();
}

TEST_F(SupervisorTest, DrainUnderLoadLeavesNoDuplicate) {
  for (int round = 0; round < 5; ++round) {
    line_.add(1 + static_cast<std::uint64_t>(round) * 2'000, static_cast<std::uint64_t>(round + 1) * 2'000);
    round == 0 ? start(line_.plan("one")) : restart(line_.plan("one"));
    ASSERT_TRUE(line_.broker.wait_for_arrivals(line_.table.settled() + 50, Deadline::in(20s)));
    ASSERT_EQ(supervisor_->drain(Deadline::in(10s)), Ended::kDrained);
    EXPECT_EQ(line_.table.settled(), line_.broker.arrival_count());
  }
  restart(line_.plan("one"));
  EXPECT_TRUE(line_.all_settled());
  EXPECT_EQ(line_.duplicates(), 0U);
}

TEST_F(SupervisorTest, DrainGivesTheLeaseBack) {
  start(line_.plan("one"));
  ASSERT_TRUE(reaches("running"));
  ASSERT_EQ(supervisor_->drain(Deadline::in(10s)), Ended::kDrained);
  tests::MemoryStore other(database_);
  EXPECT_TRUE(other.leases().take("route/one", "other").has_value());
  EXPECT_EQ(supervisor_->states()[0].phase, "stopped");
}

TEST_F(SupervisorTest, DrainReturnsAtItsDeadlineWhenTheSinkHoldsOn) {
  line_.broker.stop_work();
  line_.add(1, 10);
  start(line_.plan("one"));
  ASSERT_TRUE(
      eventually([&] { return supervisor_->states()[0].details.find("\"submitted\":0") == std::string::npos; }));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(supervisor_->drain(Deadline::in(200ms)), Ended::kDeadlinePassed);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(SupervisorTest, SecondStopEndsAtOnce) {
  line_.broker.stop_work();
  line_.add(1, 10);
  start(line_.plan("one"));
  ASSERT_TRUE(
      eventually([&] { return supervisor_->states()[0].details.find("\"submitted\":0") == std::string::npos; }));
  std::atomic<bool> returned = false;
  std::jthread first([&] {
    EXPECT_EQ(supervisor_->drain(Deadline::in(60s)), Ended::kDeadlinePassed);
    returned = true;
  });
  ASSERT_TRUE(reaches("draining"));
  EXPECT_FALSE(returned);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(supervisor_->drain(Deadline::in(60s)), Ended::kDeadlinePassed);
  first.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(SupervisorTest, StandsByWhenTheLeaseIsLostAndSubmitsNothingMore) {
  line_.add(1, 100);
  start(line_.plan("one"));
  ASSERT_TRUE(line_.all_settled());
  store_->end_session();
  tests::MemoryStore other(database_);
  std::optional<Lease> taken;
  ASSERT_TRUE(eventually([&] {
    auto lease = other.leases().take("route/one", "other");
    if (lease) taken = *lease;
    return taken.has_value();
  }));
  ASSERT_TRUE(reaches("standby"));
  line_.add(101, 200);
  // The other one renews for a while; this one looks in each half second and must not move.
  EXPECT_FALSE(eventually(
      [&] {
        (void)other.leases().renew(*taken);
        return line_.broker.arrival_count() != 100;
      },
      Deadline::in(1200ms)));
  ASSERT_TRUE(other.leases().release(*taken).has_value());
  EXPECT_TRUE(line_.all_settled());
  EXPECT_EQ(line_.duplicates(), 0U);
}

TEST_F(SupervisorTest, TakesOverWithinTwoSecondsOfAKill) {
  {
    tests::MemoryStore killed(database_);
    ASSERT_TRUE(killed.leases().take("route/one", "killed").has_value());
    line_.add(1, 10);
    start(line_.plan("one"));
    ASSERT_TRUE(reaches("standby"));
    EXPECT_EQ(supervisor_->states()[0].code, "relay.standby");
    killed.end_session();
  }
  EXPECT_TRUE(line_.table.wait_for_settled(10, Deadline::in(2s)));
}

TEST_F(SupervisorTest, ABrokenInvariantFailsItsRouteAndNoOther) {
  struct BrokenSource final : connectors::Source {
    Status open(const connectors::OpenRequest&, Deadline, std::stop_token) override { return {}; }
    Result<connectors::ReadBatch> read(const connectors::ReadRoom&, Deadline, std::stop_token) override {
      INVARIANT(false, "this source is broken");
    }
    Status settle(ReadMark) override { return {}; }
    void close() override {}
    connectors::SourceFigures figures() const override { return {}; }
  };
  RoutePlan broken = line_.plan("broken");
  broken.make_source = []() -> Result<std::unique_ptr<connectors::Source>> { return std::make_unique<BrokenSource>(); };
  Line other;
  other.add(1, 100);
  start(std::move(broken), other.plan("well"));
  EXPECT_TRUE(reaches("failed", 0));
  EXPECT_EQ(supervisor_->states()[0].code, "core.internal");
  EXPECT_TRUE(other.all_settled());
  EXPECT_EQ(lines_with("this source is broken"), 1U) << log_.text();
  supervisor_.reset();
}

TEST_F(SupervisorTest, ASinkThatReportsForeignTicketsFailsItsRoute) {
  struct LyingSink final : connectors::Sink {
    explicit LyingSink(connectors::OutcomeListener& to) : listener(to) {}
    connectors::LaterMayPass later_may_pass() const override { return connectors::LaterMayPass::kYes; }
    Status open(Deadline, std::stop_token) override { return {}; }
    connectors::Submitted submit(connectors::Ticket ticket, const connectors::Message&) override {
      const connectors::DeliveryReport report{
          {ticket.value + (std::uint64_t{1} << 40)}, connectors::Outcome::kDelivered, {}};
      listener.report({&report, 1});
      return connectors::Submitted::kAccepted;
    }
    void flush() override {}
    Drained drain(Deadline) override { return Drained::kAll; }
    void abandon() override {}
    connectors::SinkState state() const override { return {connectors::SinkState::Phase::kReady, nullptr}; }
    connectors::OutcomeListener& listener;
  };
  RoutePlan plan = line_.plan("one");
  plan.make_sink = [](connectors::OutcomeListener& listener) -> Result<std::unique_ptr<connectors::Sink>> {
    return std::make_unique<LyingSink>(listener);
  };
  line_.add(1, 1);
  start(std::move(plan));
  EXPECT_TRUE(reaches("failed"));
  EXPECT_EQ(line_.table.settled(), 0U);
  EXPECT_EQ(supervisor_->drain(Deadline::in(5s)), Ended::kLeftUnsettled) << "five seconds had not passed";
}

TEST_F(SupervisorTest, ARejectionStopsTheRouteAndKeepsTheLease) {
  line_.broker.decide_by(
      [](const tests::Arrival& arrival) { return arrival.body == "5" ? tests::Fate::kRefuse : tests::Fate::kDeliver; });
  line_.add(1, 10);
  start(line_.plan("one"));
  ASSERT_TRUE(reaches("failed"));
  EXPECT_TRUE(line_.table.wait_for_settled(4, Deadline::in(20s)));
  tests::MemoryStore other(database_);
  EXPECT_FALSE(other.leases().take("route/one", "other").has_value());
  EXPECT_TRUE(eventually([&] { return line_.table.open_sources() == 0; }));
  EXPECT_EQ(line_.table.settled(), 4U);
}

TEST_F(SupervisorTest, TriesAgainWhenAnEndCanNotBeMade) {
  std::atomic<int> failures = 3;
  RoutePlan plan = line_.plan("one");
  plan.make_sink =
      [&, make = plan.make_sink](connectors::OutcomeListener& listener) -> Result<std::unique_ptr<connectors::Sink>> {
    if (failures.fetch_sub(1) > 0) return fail(codes::kKafkaUnavailable, "no broker is named");
    return make(listener);
  };
  line_.add(1, 10);
  start(std::move(plan));
  EXPECT_TRUE(line_.all_settled());
  EXPECT_EQ(lines_with("no broker is named"), 1U) << log_.text();
}

TEST_F(SupervisorTest, ReportsStatesToTheStore) {
  line_.add(1, 10);
  start(line_.plan("one"));
  ASSERT_TRUE(line_.all_settled());
  const auto reported = [&] {
    const auto states = store_->route_states().list();
    return states && states->size() == 1 && states->front().phase == "running" &&
           states->front().details.find("\"delivered\":10,") != std::string::npos;
  };
  EXPECT_TRUE(eventually(reported));
  ASSERT_EQ(supervisor_->drain(Deadline::in(10s)), Ended::kDrained);
  EXPECT_EQ(store_->route_states().list()->front().phase, "stopped");
}

TEST_F(SupervisorTest, EndsWhileEverythingIsAway) {
  database_->go_away();
  line_.broker.refuse_open(Error(codes::kKafkaUnavailable, "nobody listens"));
  start(line_.plan("one"));
  ASSERT_TRUE(reaches("backing_off"));
  EXPECT_EQ(supervisor_->drain(Deadline::in(10s)), Ended::kDrained);
}

TEST_F(SupervisorTest, ManyRoutesRunSideBySide) {
  std::vector<std::unique_ptr<Line>> lines;
  std::vector<RoutePlan> plans;
  for (int i = 0; i < 12; ++i) {
    lines.push_back(std::make_unique<Line>());
    lines.back()->add(1, 200);
    plans.push_back(lines.back()->plan("route-" + std::to_string(i)));
  }
  supervisor_ = std::make_unique<Supervisor>(*store_, surroundings_, std::move(plans));
  supervisor_->start();
  for (const auto& line : lines) EXPECT_TRUE(line->all_settled());
  EXPECT_EQ(supervisor_->drain(Deadline::in(10s)), Ended::kDrained);
  supervisor_.reset();
}

}  // namespace
}  // namespace penstock::relay
