// The state machine of a route, one input at a time.
#include "relay/route_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "store/leases.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"

namespace penstock::relay {
namespace {

using namespace std::chrono_literals;
using connectors::DeliveryReport;
using connectors::LaterMayPass;
using connectors::Outcome;
using connectors::SinkState;
using connectors::Submitted;
using testing::ElementsAre;
using testing::IsEmpty;

// Takes everything and remembers it; outcomes are given by the test.
class ScriptedSink final : public connectors::Sink {
 public:
  LaterMayPass later_may_pass() const override { return promise; }
  Status open(Deadline, std::stop_token stop) override {
    ++opens;
    if (stop.stop_requested()) return fail(codes::kStopped, "opening was stopped");
    if (open_error) return fail(*open_error);
    now = {SinkState::Phase::kReady, nullptr};
    return {};
  }
  Submitted submit(connectors::Ticket ticket, const connectors::Message& message) override {
    if (room == 0) return Submitted::kFull;
    --room;
    tickets.push_back(ticket);
    submitted.emplace_back(*message.body);
    if (after_submit) after_submit();
    return Submitted::kAccepted;
  }
  void flush() override { ++flushes; }
  Drained drain(Deadline) override { return Drained::kAll; }
  void abandon() override {
    ++abandons;
    now = {SinkState::Phase::kClosed, nullptr};
  }
  SinkState state() const override { return now; }

  LaterMayPass promise = LaterMayPass::kYes;
  SinkState now;
  std::optional<Error> open_error;
  std::size_t room = 1'000;
  int opens = 0, flushes = 0, abandons = 0;
  std::vector<connectors::Ticket> tickets;
  std::vector<std::string> submitted;
  std::function<void()> after_submit;
};

class RouteMachineTest : public testing::Test, protected SourcePort, protected LeasePort {
 protected:
  RouteMachineTest() {
    settings_.name = "one";
    settings_.templates.destination = "events";
    settings_.max_in_flight = 100;
  }

  void post(SourceCommand command) override { commands_.push_back(std::move(command)); }
  void take() override { ++takes_; }
  void release(const Lease&) override { ++releases_; }

  // The oldest command of this kind that was not answered yet.
  template <typename Command>
  std::optional<Command> next_command() {
    const auto found = std::find_if(commands_.begin(), commands_.end(),
                                    [](const auto& command) { return std::holds_alternative<Command>(command); });
    if (found == commands_.end()) return std::nullopt;
    Command command = std::move(std::get<Command>(*found));
    commands_.erase(found);
    return command;
  }

  // Up to the first read.
  void run() {
    auto mapping = Mapping::make(settings_, nullptr);
    machine_ = std::make_unique<RouteMachine>(settings_, "outbox", std::move(*mapping),
                                              RouteMachine::Ends{*this, *this, sink_, turn_}, surroundings_, voice_,
                                              interrupt_);
    machine_->advance();
    grant();
    open();
  }

  void grant(std::int64_t epoch = 1) {
    machine_->on_lease(LeaseTaken{{"route/one", "me", Epoch{epoch}}, clock_.now() + store::kLeaseTrust});
    machine_->advance();
  }

  void open() {
    ASSERT_TRUE(next_command<OpenSource>());
    answer(SourceOpened{Status(), open_after_ends_});
    marks_ = 0;
  }

  void answer(SourceAnswer answer) {
    machine_->on_source(std::move(answer), {});
    machine_->advance();
  }

  void read(std::initializer_list<std::string_view> keys) {
    ASSERT_TRUE(next_command<ReadSource>());
    read_answer(keys);
  }

  void read_answer(std::initializer_list<std::string_view> keys) {
    connectors::ReadBatch batch;
    for (const std::string_view key : keys) {
      connectors::ReadItem item;
      item.mark = ReadMark{++marks_};
      item.event = tests::counted_event(key, ++number_);
      batch.items.push_back(std::move(item));
    }
    answer(SourceRead{std::move(batch)});
  }

  void report(std::size_t submission, Outcome outcome, const ErrorCode& code = codes::kRabbitNacked) {
    DeliveryReport report{sink_.tickets.at(submission), outcome, nullptr};
    if (outcome != Outcome::kDelivered) report.error = std::make_shared<const Error>(code, "as the test wants it");
    machine_->on_reports({&report, 1});
    machine_->advance();
  }

  void pass(Duration time) {
    clock_.advance(time);
    machine_->advance();
  }

  RoutePhase phase() const { return machine_->report().phase; }

  tests::ManualClock clock_;
  CareTurn turn_;
  std::uint32_t open_after_ends_ = 0;
  tests::SeededRandom random_{3};
  tests::RecordingLog log_;
  connectors::Surroundings surroundings_{clock_, random_, log_, "me"};
  RouteVoice voice_{"one", clock_, log_};
  std::stop_token interrupt_;
  RouteSettings settings_;
  ScriptedSink sink_;
  std::deque<SourceCommand> commands_;
  int takes_ = 0, releases_ = 0;
  std::uint64_t marks_ = 0, number_ = 0;
  std::unique_ptr<RouteMachine> machine_;
};

TEST_F(RouteMachineTest, DoesNotWaitForItsSinkWhenSomethingCameInMeanwhile) {
  std::stop_source came_in;
  interrupt_ = came_in.get_token();
  came_in.request_stop();
  run();
  EXPECT_EQ(phase(), RoutePhase::kBackingOff);
  interrupt_ = {};
  pass(1s);
  EXPECT_EQ(sink_.opens, 2);
  EXPECT_EQ(phase(), RoutePhase::kRunning);
}

TEST_F(RouteMachineTest, KnowsHowLongAnEventWithoutATimeHasWaited) {
  run();
  read({"a"});
  pass(7s);
  EXPECT_EQ(lag_seconds_of(machine_->report(), clock_.wall_now()), 7.0);
}

TEST_F(RouteMachineTest, SettlesOnlyAfterTheOutcome) {
  run();
  read({"a"});
  EXPECT_THAT(sink_.submitted, ElementsAre("1"));
  EXPECT_EQ(sink_.flushes, 1);
  ASSERT_TRUE(next_command<ReadSource>());
  pass(100ms);
  EXPECT_THAT(commands_, IsEmpty());
  report(0, Outcome::kDelivered);
  pass(50ms);
  const auto settle = next_command<SettleSource>();
  ASSERT_TRUE(settle);
  EXPECT_EQ(settle->mark, ReadMark{1});
}

TEST_F(RouteMachineTest, SettlesManyAtOnceUnderLoad) {
  settings_.max_in_flight = 100;
  run();
  read({"a", "b", "c", "d", "e"});
  for (std::size_t i = 0; i < 5; ++i) report(i, Outcome::kDelivered);
  ASSERT_TRUE(next_command<ReadSource>());
  EXPECT_THAT(commands_, IsEmpty()) << "five of a hundred are not worth a round trip";
  pass(50ms);
  ASSERT_TRUE(next_command<SettleSource>());
}

TEST_F(RouteMachineTest, IgnoresASecondReportOfOneTicketAndCountsIt) {
  run();
  read({"a"});
  report(0, Outcome::kDelivered);
  report(0, Outcome::kRetryable);
  report(0, Outcome::kDelivered);
  EXPECT_EQ(machine_->report().counters.unexpected_reports, 2U);
  EXPECT_EQ(machine_->report().counters.delivered, 1U);
  EXPECT_EQ(log_.count(LogLevel::kWarn), 1U) << log_.text();
}

TEST_F(RouteMachineTest, IgnoresALateReportOfAnEarlierSubmission) {
  run();
  read({"a"});
  report(0, Outcome::kRetryable);
  pass(200ms);
  ASSERT_THAT(sink_.submitted, ElementsAre("1", "1"));
  report(0, Outcome::kDelivered);
  EXPECT_EQ(machine_->report().counters.delivered, 0U);
  report(1, Outcome::kDelivered);
  EXPECT_EQ(machine_->report().counters.delivered, 1U);
}

TEST_F(RouteMachineTest, SubmitsNothingOnceTheLeaseCanNotBeTrusted) {
  run();
  pass(store::kLeaseTrust);
  EXPECT_EQ(sink_.abandons, 1);
  read({"a"});
  EXPECT_THAT(sink_.submitted, IsEmpty());
}

TEST_F(RouteMachineTest, LooksAtTheLeaseBeforeEachSingleSubmit) {
  run();
  sink_.after_submit = [this] {
    if (sink_.submitted.size() == 2) clock_.advance(store::kLeaseTrust);  // the process was paused in between
  };
  read({"a", "b", "c", "d"});
  EXPECT_THAT(sink_.submitted, ElementsAre("1", "2"));
}

TEST_F(RouteMachineTest, RenewalsExtendTheTrust) {
  run();
  for (int i = 0; i < 10; ++i) {
    pass(1s);
    machine_->on_lease(LeaseRenewed{Epoch{1}, clock_.now() + store::kLeaseTrust});
  }
  read({"a"});
  EXPECT_THAT(sink_.submitted, ElementsAre("1"));
}

TEST_F(RouteMachineTest, TakesTheLeaseAgainOnlyWhenEveryOutcomeHasArrived) {
  run();
  read({"a"});
  machine_->on_lease(LeaseLost{Epoch{1}, Error(codes::kStoreFenced, "another one took it")});
  machine_->advance();
  EXPECT_EQ(phase(), RoutePhase::kStandby);
  ASSERT_TRUE(next_command<ReadSource>());
  ASSERT_TRUE(next_command<CloseSource>());
  answer(SourceRead{connectors::ReadBatch{}});
  answer(SourceClosed{});
  EXPECT_EQ(takes_, 1);
  report(0, Outcome::kRetryable, codes::kStoreFenced);
  machine_->advance();
  EXPECT_EQ(takes_, 2);
}

TEST_F(RouteMachineTest, ReopensALostSourceOnlyWhenEveryOutcomeHasArrived) {
  run();
  read({"a"});
  ASSERT_TRUE(next_command<ReadSource>());
  answer(SourceRead{fail(codes::kOutboxUnavailable, "the session died")});
  EXPECT_EQ(phase(), RoutePhase::kBackingOff);
  pass(3s);
  EXPECT_THAT(commands_, IsEmpty());
  report(0, Outcome::kDelivered);
  pass(200ms);
  open();
  EXPECT_EQ(phase(), RoutePhase::kRunning);
  read({"a"});
  EXPECT_THAT(sink_.submitted, ElementsAre("1", "2"));
}

TEST_F(RouteMachineTest, OpensABrokenSinkAgainAndResubmits) {
  sink_.promise = LaterMayPass::kNo;
  run();
  read({"a", "a"});
  sink_.now = {SinkState::Phase::kBroken, std::make_shared<const Error>(codes::kKafkaFatal, "the session is lost")};
  machine_->on_sink_changed();
  pass(200ms);
  EXPECT_EQ(phase(), RoutePhase::kBackingOff);
  EXPECT_EQ(sink_.opens, 1) << "an outcome is missing";
  report(0, Outcome::kRetryable);
  report(1, Outcome::kRetryable);
  pass(200ms);
  EXPECT_EQ(sink_.opens, 2);
  EXPECT_THAT(sink_.submitted, ElementsAre("1", "2", "1", "2"));
}

TEST_F(RouteMachineTest, SaysThatASinkIsBlockedAndSendsNothing) {
  run();
  sink_.now = {SinkState::Phase::kBlocked, std::make_shared<const Error>(codes::kRabbitBlocked, "memory alarm")};
  machine_->on_sink_changed();
  read({"a"});
  EXPECT_EQ(phase(), RoutePhase::kBlocked);
  EXPECT_THAT(sink_.submitted, IsEmpty());
  sink_.now = {SinkState::Phase::kReady, nullptr};
  machine_->on_sink_changed();
  machine_->advance();
  EXPECT_EQ(phase(), RoutePhase::kRunning);
  EXPECT_THAT(sink_.submitted, ElementsAre("1"));
}

TEST_F(RouteMachineTest, ParksARefusedEventBeforeItIsSettled) {
  settings_.on_reject = OnReject::kParkEvent;
  run();
  read({"a", "a"});
  report(0, Outcome::kRejected, codes::kRabbitRejected);
  ASSERT_TRUE(next_command<ReadSource>());
  const auto park = next_command<ParkRows>();
  ASSERT_TRUE(park);
  ASSERT_EQ(park->rows.size(), 1U);
  EXPECT_EQ(park->rows[0].code, "rabbitmq.rejected");
  EXPECT_EQ(park->rows[0].key, "a");
  EXPECT_NE(park->rows[0].content.find("\"stream\":\"order-a\""), std::string::npos);
  pass(100ms);
  EXPECT_THAT(commands_, IsEmpty());
  EXPECT_THAT(sink_.submitted, ElementsAre("1")) << "the next of its key waits for the row";
  answer(RowsParked{Status()});
  EXPECT_THAT(sink_.submitted, ElementsAre("1", "2"));
  pass(50ms);
  EXPECT_TRUE(next_command<SettleSource>());
}

TEST_F(RouteMachineTest, OpensAgainAtOnceASessionThatEndedForARefusedMessage) {
  settings_.on_reject = OnReject::kParkEvent;
  sink_.promise = LaterMayPass::kNo;
  sink_.room = 1;  // takes nothing behind the one that it refuses
  run();
  read({"a", "b", "c", "d"});
  for (std::size_t refused = 0; refused < 3; ++refused) {
    ASSERT_EQ(sink_.tickets.size(), refused + 1);
    report(refused, Outcome::kRejected, codes::kKafkaRejected);
    sink_.now = {SinkState::Phase::kBroken, std::make_shared<const Error>(codes::kKafkaRejected, "no legal topic")};
    machine_->on_sink_changed();
    machine_->advance();
    EXPECT_EQ(phase(), RoutePhase::kRunning) << "no fault of the sink";
    ASSERT_TRUE(next_command<ParkRows>());
    sink_.room = 1;
    answer(RowsParked{Status()});
    EXPECT_EQ(sink_.opens, static_cast<int>(refused) + 2) << "without any time having passed";
  }
  report(3, Outcome::kDelivered);
  EXPECT_EQ(phase(), RoutePhase::kRunning);
  EXPECT_EQ(log_.text().find("waits and tries again"), std::string::npos) << log_.text();
}

TEST_F(RouteMachineTest, TriesToParkAgainWhileTheStoreIsAway) {
  settings_.on_reject = OnReject::kSkip;
  run();
  read({"a"});
  report(0, Outcome::kRejected, codes::kRabbitRejected);
  ASSERT_TRUE(next_command<ReadSource>());
  ASSERT_TRUE(next_command<ParkRows>());
  answer(RowsParked{fail(codes::kStoreUnavailable, "nobody listens")});
  EXPECT_EQ(phase(), RoutePhase::kBackingOff);
  pass(200ms);
  const auto park = next_command<ParkRows>();
  ASSERT_TRUE(park);
  EXPECT_EQ(park->rows.at(0).as, store::ParkedAs::kSkipped);
}

TEST_F(RouteMachineTest, ParksAMalformedRowWhateverOnRejectSays) {
  run();
  ASSERT_TRUE(next_command<ReadSource>());
  connectors::ReadBatch batch;
  batch.items.emplace_back();
  batch.items[0].mark = ReadMark{1};
  batch.items[0].malformed = std::make_unique<connectors::MalformedRow>();
  batch.items[0].malformed->source_key = "77";
  batch.items[0].malformed->code = "outbox.row_malformed";
  answer(SourceRead{std::move(batch)});
  ASSERT_TRUE(next_command<ReadSource>());
  const auto park = next_command<ParkRows>();
  ASSERT_TRUE(park);
  EXPECT_EQ(park->rows.at(0).source_key, "77");
  EXPECT_EQ(park->rows.at(0).source, "outbox");
  answer(RowsParked{Status()});
  pass(50ms);
  EXPECT_TRUE(next_command<SettleSource>());
}

TEST_F(RouteMachineTest, TriesOneEventAtATimeOnceTheProgramEndedTwice) {
  open_after_ends_ = 2;
  run();
  const auto first = next_command<ReadSource>();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->room.events, 1U);
  read_answer({"a"});
  EXPECT_THAT(sink_.submitted, IsEmpty()) << "its attempt is not written yet";
  ASSERT_TRUE(next_command<BeginAttempt>());
  EXPECT_FALSE(next_command<ReadSource>());
  answer(AttemptBegun{AttemptBook::Verdict::kTry});
  EXPECT_EQ(sink_.submitted.size(), 1U);
  EXPECT_FALSE(next_command<ReadSource>());
  report(0, Outcome::kDelivered);
  const auto settle = next_command<SettleSource>();
  ASSERT_TRUE(settle) << "nothing else can happen, so it is settled at once";
  answer(SourceSettled{settle->mark, Status()});
  EXPECT_TRUE(next_command<ReadSource>());
}

TEST_F(RouteMachineTest, SendsNothingUncountedToASinkThatTakesEventsInReadOrder) {
  open_after_ends_ = 2;
  sink_.promise = LaterMayPass::kNo;
  run();
  for (std::size_t sent = 0; sent < 3; ++sent) {
    read({"a"});
    ASSERT_TRUE(next_command<BeginAttempt>());
    EXPECT_EQ(sink_.submitted.size(), sent);
    answer(AttemptBegun{AttemptBook::Verdict::kTry});
    ASSERT_EQ(sink_.submitted.size(), sent + 1);
    report(sent, Outcome::kDelivered);
    const auto settle = next_command<SettleSource>();
    ASSERT_TRUE(settle);
    answer(SourceSettled{settle->mark, Status()});
  }
}

TEST_F(RouteMachineTest, ParksAnEventThatWasTriedTooOftenWithoutSendingIt) {
  open_after_ends_ = 5;
  run();
  read({"a"});
  ASSERT_TRUE(next_command<BeginAttempt>());
  answer(AttemptBegun{AttemptBook::Verdict::kGiveUp});
  const auto park = next_command<ParkRows>();
  ASSERT_TRUE(park);
  EXPECT_EQ(park->rows.at(0).code, "relay.crashed_on");
  EXPECT_THAT(sink_.submitted, IsEmpty());
  answer(RowsParked{Status()});
  EXPECT_TRUE(next_command<SettleSource>());
  EXPECT_EQ(phase(), RoutePhase::kRunning);
}

TEST_F(RouteMachineTest, TriesNothingWhileItsAttemptCanNotBeCounted) {
  open_after_ends_ = 2;
  run();
  read({"a"});
  ASSERT_TRUE(next_command<BeginAttempt>());
  answer(AttemptBegun{fail(codes::kStoreUnavailable, "nobody listens")});
  EXPECT_THAT(sink_.submitted, IsEmpty());
  EXPECT_EQ(phase(), RoutePhase::kBackingOff);
  pass(200ms);
  EXPECT_TRUE(next_command<OpenSource>());
}

TEST_F(RouteMachineTest, ReadsNothingCarefullyWhileTheSinkIsAway) {
  open_after_ends_ = 2;
  sink_.open_error = Error(codes::kRabbitUnavailable, "nobody listens");
  run();
  EXPECT_FALSE(next_command<ReadSource>());
  sink_.open_error.reset();
  pass(200ms);
  EXPECT_TRUE(next_command<ReadSource>());
}

TEST_F(RouteMachineTest, TakesItsOpeningBackOnceSomethingIsSettled) {
  run();
  read({"a"});
  EXPECT_FALSE(next_command<TakeBack>());
  report(0, Outcome::kDelivered);
  pass(50ms);
  const auto settle = next_command<SettleSource>();
  ASSERT_TRUE(settle);
  answer(SourceSettled{settle->mark, Status()});
  EXPECT_TRUE(next_command<TakeBack>());
}

TEST_F(RouteMachineTest, FailsOnARejectionAndSettlesWhatWasDelivered) {
  run();
  read({"a", "b"});
  report(1, Outcome::kRejected, codes::kRabbitUnroutable);
  EXPECT_EQ(phase(), RoutePhase::kFailed);
  EXPECT_EQ(machine_->report().code, "rabbitmq.unroutable");
  report(0, Outcome::kDelivered);
  ASSERT_TRUE(next_command<ReadSource>());
  answer(SourceRead{connectors::ReadBatch{}});
  const auto settle = next_command<SettleSource>();
  ASSERT_TRUE(settle);
  EXPECT_EQ(settle->mark, ReadMark{1});
  answer(SourceSettled{settle->mark, Status()});
  EXPECT_TRUE(next_command<CloseSource>());
  EXPECT_EQ(releases_, 0) << "a failed route keeps its lease";
}

// More than one turn submits, and then nothing more may be submitted: a sink that waits for a flush has them still.
TEST_F(RouteMachineTest, FlushesWhatItHasSubmittedThoughItsSourceIsLost) {
  settings_.max_in_flight = 1'000;
  run();
  ASSERT_TRUE(next_command<ReadSource>());
  connectors::ReadBatch batch;
  for (int i = 0; i < 600; ++i) {
    connectors::ReadItem& item = batch.items.emplace_back();
    item.mark = ReadMark{++marks_};
    item.event = tests::counted_event("a" + std::to_string(i), ++number_);
  }
  answer(SourceRead{std::move(batch)});
  ASSERT_FALSE(sink_.submitted.empty());
  ASSERT_LT(sink_.submitted.size(), 600U) << "one turn submits all of it";
  answer(SourceLost{Error(codes::kOutboxUnavailable, "the session died")});
  EXPECT_EQ(sink_.flushes, 1);
}

TEST_F(RouteMachineTest, LeavesItsTurnToOthersWhenItFails) {
  open_after_ends_ = 2;
  Care first(*this, turn_, 10), last(*this, turn_, 10);
  for (Care* other : {&first, &last}) {
    other->on_opened(2);
    other->hold(Slot{1}, "row");
  }
  first.pursue(clock_.now());
  run();
  read({"a"});
  last.pursue(clock_.now());
  commands_.clear();
  answer(SourceLost{Error(codes::kRelayNotContiguous, "position 7 follows 5")});
  EXPECT_EQ(phase(), RoutePhase::kFailed);
  first.clear();
  last.pursue(clock_.now());
  EXPECT_TRUE(next_command<BeginAttempt>());
}

TEST_F(RouteMachineTest, FailsWhenTheSourceFindsTheImpossible) {
  run();
  ASSERT_TRUE(next_command<ReadSource>());
  answer(SourceRead{fail(codes::kRelayNotContiguous, "position 7 follows 5")});
  EXPECT_EQ(phase(), RoutePhase::kFailed);
  EXPECT_EQ(log_.count(LogLevel::kError), 1U) << log_.text();
}

TEST_F(RouteMachineTest, StandsByWhileAnotherRelayHoldsTheTableAndThenGivesTheLeaseBack) {
  auto mapping = Mapping::make(settings_, nullptr);
  machine_ =
      std::make_unique<RouteMachine>(settings_, "outbox", std::move(*mapping),
                                     RouteMachine::Ends{*this, *this, sink_, turn_}, surroundings_, voice_, interrupt_);
  machine_->advance();
  grant();
  int openings = 0;
  for (int i = 0; i < 30 && releases_ == 0; ++i) {
    if (next_command<OpenSource>()) {
      ++openings;
      answer(SourceOpened{fail(codes::kOutboxLocked, "another relay polls this table")});
    }
    EXPECT_EQ(phase(), RoutePhase::kStandby);
    machine_->on_lease(LeaseRenewed{Epoch{1}, clock_.now() + store::kLeaseTrust});
    pass(500ms);
  }
  EXPECT_GE(openings, 18);
  EXPECT_EQ(releases_, 1);
  machine_->on_lease(LeaseReleased{});
  pass(2s);
  EXPECT_EQ(takes_, 2);
}

TEST_F(RouteMachineTest, DrainingSendsWhatLiesBetweenSettledDeliveriesAndNothingElse) {
  run();
  read({"a", "a", "b", "c"});
  EXPECT_THAT(sink_.submitted, ElementsAre("1", "3", "4"));
  ASSERT_TRUE(next_command<ReadSource>());
  machine_->drain(clock_.now() + 10s);
  machine_->advance();
  report(0, Outcome::kDelivered);
  EXPECT_THAT(sink_.submitted, ElementsAre("1", "3", "4", "2"));
  for (std::size_t i = 1; i < 4; ++i) report(i, Outcome::kDelivered);
  const auto settle = next_command<SettleSource>();
  ASSERT_TRUE(settle);
  EXPECT_EQ(settle->mark, ReadMark{4});
  answer(SourceRead{connectors::ReadBatch{}});
  answer(SourceSettled{settle->mark, Status()});
  ASSERT_TRUE(next_command<CloseSource>());
  answer(SourceClosed{});
  EXPECT_EQ(releases_, 1);
  machine_->on_lease(LeaseReleased{});
  machine_->advance();
  EXPECT_TRUE(machine_->has_ended());
  EXPECT_TRUE(machine_->ended_drained());
}

TEST_F(RouteMachineTest, DrainLeavesAtItsDeadlineAndDropsWhatIsUnsent) {
  run();
  read({"a"});
  machine_->drain(clock_.now() + 1s);
  pass(1s);
  EXPECT_EQ(sink_.abandons, 1);
  pass(1s);
  EXPECT_TRUE(machine_->has_ended());
  EXPECT_FALSE(machine_->ended_drained());
}

TEST_F(RouteMachineTest, AFullSinkIsTriedAgain) {
  sink_.room = 1;
  run();
  read({"a", "b"});
  EXPECT_THAT(sink_.submitted, ElementsAre("1"));
  sink_.room = 1;
  report(0, Outcome::kDelivered);
  EXPECT_THAT(sink_.submitted, ElementsAre("1", "2"));
}

TEST_F(RouteMachineTest, NeverReadsBeyondTheWindow) {
  settings_.max_in_flight = 3;
  run();
  read({"a", "b", "c"});
  pass(100ms);
  EXPECT_THAT(commands_, IsEmpty());
  report(0, Outcome::kDelivered);
  const auto settle = next_command<SettleSource>();
  ASSERT_TRUE(settle);
  EXPECT_THAT(commands_, IsEmpty()) << "settled is not stored";
  answer(SourceSettled{settle->mark, Status()});
  const auto read = next_command<ReadSource>();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->room.events, 1U);
}

TEST_F(RouteMachineTest, DropsWhatTheFilterDoesNotAdmitAndPassesIt) {
  settings_.filter.types = {"wanted"};
  run();
  read({"a", "b"});
  EXPECT_THAT(sink_.submitted, IsEmpty());
  EXPECT_EQ(machine_->report().in_flight, 0U);
  EXPECT_EQ(machine_->report().counters.filtered, 2U);
  ASSERT_TRUE(next_command<ReadSource>());
  pass(50ms);
  EXPECT_TRUE(next_command<SettleSource>());
}

// The source holds what it read until it is settled, and nothing is while the first event waits for its sink.
TEST_F(RouteMachineTest, ReadsNoFurtherWhereTooMuchPassedBehindAnEventThatWaits) {
  settings_.filter.types = {"counted"};
  settings_.max_in_flight_bytes = 100'000;
  run();
  read({"a"});
  const std::string data(10'000, 'x');
  std::size_t reads = 0;
  for (; reads < 100 && next_command<ReadSource>(); ++reads) {
    Event event;
    event.type = "dropped";
    event.data = data;
    connectors::ReadBatch batch;
    batch.items.push_back({ReadMark{++marks_}, make_event(event), nullptr});
    answer(SourceRead{std::move(batch)});
  }
  EXPECT_GE(reads, 15U);
  EXPECT_LE(reads, 25U) << "two windows";
  report(0, Outcome::kDelivered);
  const auto settle = next_command<SettleSource>();
  ASSERT_TRUE(settle);
  answer(SourceSettled{settle->mark, Status()});
  EXPECT_TRUE(next_command<ReadSource>());
}

// A row that was dropped and settled shows as well as any other that the program outlives its rows.
TEST_F(RouteMachineTest, TakesItsOpeningBackThoughTheFilterDropsAll) {
  settings_.filter.types = {"wanted"};
  open_after_ends_ = 2;
  run();
  read({"a"});
  pass(50ms);
  const auto settle = next_command<SettleSource>();
  ASSERT_TRUE(settle);
  answer(SourceSettled{settle->mark, Status()});
  ASSERT_TRUE(next_command<ReadSource>());
  answer(SourceRead{connectors::ReadBatch{}});
  EXPECT_TRUE(next_command<TakeBack>());
}

TEST_F(RouteMachineTest, SaysNothingWhileAllIsWell) {
  run();
  const std::size_t before = log_.lines().size();
  for (std::size_t i = 0; i < 50; ++i) {
    read({"a"});
    report(i, Outcome::kDelivered);
    machine_->on_lease(LeaseRenewed{Epoch{1}, clock_.now() + store::kLeaseTrust});
    pass(50ms);
    if (const auto settle = next_command<SettleSource>()) answer(SourceSettled{settle->mark, Status()});
  }
  EXPECT_EQ(log_.lines().size(), before) << log_.text();
}

}  // namespace
}  // namespace penstock::relay
