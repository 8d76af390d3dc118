// The state machine of a route, one input at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/relay/route_machine_fixture.h"

namespace penstock::relay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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

// It is held with its event, though nothing of it is sent.
TEST_F(RouteMachineTest, CountsTheMetadataOfWhatWaits) {
  settings_.max_in_flight_bytes = 100'000;
  sink_.room = 0;
  run();
  const std::string metadata = "{\"before\": \"" + std::string(10'000, 'x') + "\"}";
  std::size_t reads = 0;
  for (; reads < 100 && next_command<ReadSource>(); ++reads) {
    Event event;
    event.type = "counted";
    event.metadata = metadata;
    connectors::ReadBatch batch;
    batch.items.push_back({ReadMark{++marks_}, make_event(event), nullptr});
    answer(SourceRead{std::move(batch)});
  }
  EXPECT_GE(reads, 7U);
  EXPECT_LE(reads, 10U);
  EXPECT_GE(machine_->report().in_flight_bytes, reads * metadata.size());
  EXPECT_LE(machine_->report().in_flight_bytes, settings_.max_in_flight_bytes);
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
