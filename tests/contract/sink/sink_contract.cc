#include "tests/contract/sink/sink_contract.h"

#include <map>
#include <set>
#include <thread>

namespace penstock::tests {
namespace {

using connectors::Outcome;
using connectors::Sink;
using connectors::SinkState;
using connectors::Submitted;
using connectors::Ticket;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kUsual{20};    // for what should work
constexpr seconds kPatient{60};  // for what has to heal first

#define NEEDS_FAULT(possible)                                                                 \
  do {                                                                                        \
    if ((possible) == Possible::kNo) GTEST_SKIP() << "this other side can't be so disturbed"; \
  } while (false)

// First arrival of each event, per key.
std::map<std::string, std::vector<EventId>> first_arrivals(const std::vector<Landed>& landed) {
  std::map<std::string, std::vector<EventId>> order;
  std::set<EventId> seen;
  for (const Landed& one : landed) {
    if (seen.insert(one.id).second) order[one.key].push_back(one.id);
  }
  return order;
}

std::map<std::string, std::vector<EventId>> order_of(const std::vector<EventRef>& events) {
  std::map<std::string, std::vector<EventId>> order;
  for (const EventRef& event : events) order[std::string(*event->key)].push_back(event->id);
  return order;
}

}  // namespace

void SinkContract::SetUp() {
  if (GetParam().needs) PENSTOCK_NEEDS(*GetParam().needs);
  harness_ = GetParam().make_harness();
  sink_ = harness_->make(outcomes_);
}

void SinkContract::open() {
  const auto opened = sink_->open(Deadline::in(kUsual), {});
  ASSERT_TRUE(opened) << opened.error().describe();
  ASSERT_EQ(sink_->state().phase, SinkState::Phase::kReady);
}

// Some sinks send one message and wait for its outcome before they trust a session.
void SinkContract::open_and_deliver_one(const std::string& key) {
  open();
  submit(event_for(key, 0));
  ASSERT_TRUE(settle(1));
}

Submitted SinkContract::try_submit(Ticket ticket, const EventRef& event) {
  messages_.push_back(harness_->message(event));
  const Submitted submitted = sink_->submit(ticket, messages_.back());
  if (submitted == Submitted::kFull) messages_.pop_back();
  return submitted;
}

Ticket SinkContract::submit(const EventRef& event) {
  const Ticket ticket{++last_ticket_};
  const bool taken =
      outcomes_.wait_until([&] { return try_submit(ticket, event) == Submitted::kAccepted; }, Deadline::in(kUsual));
  EXPECT_TRUE(taken) << "the sink stays full";
  return ticket;
}

bool SinkContract::settle(std::size_t reports) {
  sink_->flush();
  return outcomes_.wait_for_reports(reports, Deadline::in(kUsual));
}

bool SinkContract::reopen(Deadline deadline) {
  while (!deadline.expired()) {
    if (sink_->open(Deadline::in(seconds(2)), {})) return true;
  }
  return false;
}

bool SinkContract::deliver_all(const std::vector<EventRef>& events) {
  const auto deadline = Deadline::in(kPatient);
  const auto broken = [&] { return sink_->state().phase == SinkState::Phase::kBroken; };
  const bool one_at_a_time = sink_->later_may_pass() == connectors::LaterMayPass::kYes;
  std::vector<EventRef> missing = events;
  while (!missing.empty() && !deadline.expired()) {
    if (broken() && !reopen(deadline)) return false;
    // Tickets of the events in their order; the tail may not have been taken.
    std::vector<Ticket> tickets;
    for (const EventRef& event : missing) {
      const Ticket ticket{++last_ticket_};
      bool taken = false;
      outcomes_.wait_until([&] { return broken() || (taken = try_submit(ticket, event) == Submitted::kAccepted); },
                           deadline);
      if (!taken) break;
      tickets.push_back(ticket);
      if (one_at_a_time && sink_->drain(deadline) == Sink::Drained::kAll) {
        if (outcomes_.report_on(ticket)->outcome != Outcome::kDelivered) break;
      }
    }
    sink_->drain(deadline);
    std::vector<EventRef> again;
    for (std::size_t i = 0; i < missing.size(); ++i) {
      const auto report = i < tickets.size() ? outcomes_.report_on(tickets[i]) : std::nullopt;
      if (!report || report->outcome != Outcome::kDelivered) again.push_back(missing[i]);
    }
    missing = std::move(again);
  }
  return missing.empty();
}

std::vector<EventRef> SinkContract::events(const std::vector<std::string>& keys, int each) {
  std::vector<EventRef> made;
  for (int number = 0; number < each; ++number) {
    for (const std::string& key : keys) made.push_back(event_for(key, number));
  }
  return made;
}

TEST_P(SinkContract, IsClosedAndTakesNothingUntilItIsOpened) {
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kClosed);
  EXPECT_EQ(try_submit(Ticket{1}, event_for("a", 0)), Submitted::kFull);
}

TEST_P(SinkContract, ReportsEachAcceptedMessageExactlyOnce) {
  open();
  std::vector<Ticket> tickets;
  for (const EventRef& event : events({"a", "b", "c"}, 100)) tickets.push_back(submit(event));
  ASSERT_TRUE(settle(tickets.size()));
  for (const Ticket ticket : tickets) EXPECT_EQ(outcomes_.report_on(ticket)->outcome, Outcome::kDelivered);
  EXPECT_EQ(outcomes_.count(), tickets.size());
}

TEST_P(SinkContract, HasDeliveredWhatItReportsAsDelivered) {
  open();
  const auto sent = events({"a", "b"}, 50);
  for (const EventRef& event : sent) submit(event);
  ASSERT_TRUE(settle(sent.size()));
  ASSERT_EQ(outcomes_.count(Outcome::kDelivered), sent.size());
  EXPECT_EQ(harness_->landed(sent.size(), Deadline::in(kUsual)).size(), sent.size());
}

TEST_P(SinkContract, KeepsTheOrderOfEachKey) {
  open();
  const auto sent = events({"a", "b", "c", "d", "e"}, 100);
  for (const EventRef& event : sent) submit(event);
  ASSERT_TRUE(settle(sent.size()));
  EXPECT_EQ(first_arrivals(harness_->landed(sent.size(), Deadline::in(kUsual))), order_of(sent));
}

TEST_P(SinkContract, KeepsEveryByteOfTheBody) {
  open();
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  const std::vector<std::optional<std::string>> bodies{every_byte, "", "{\"a\": 1.10}", std::string(100'000, 'x')};
  for (std::size_t i = 0; i < bodies.size(); ++i) submit(event_for("a", static_cast<std::int64_t>(i), bodies[i]));
  ASSERT_TRUE(settle(bodies.size()));
  const auto landed = harness_->landed(bodies.size(), Deadline::in(kUsual));
  ASSERT_EQ(landed.size(), bodies.size());
  for (std::size_t i = 0; i < bodies.size(); ++i) EXPECT_EQ(landed[i].body, bodies[i]) << "body " << i;
}

TEST_P(SinkContract, TellsNoDataFromEmptyData) {
  open();
  submit(event_for("a", 0, std::nullopt));
  submit(event_for("a", 1, ""));
  ASSERT_TRUE(settle(2));
  const auto landed = harness_->landed(2, Deadline::in(kUsual));
  ASSERT_EQ(landed.size(), 2U);
  EXPECT_EQ(landed[0].body, std::nullopt);
  EXPECT_EQ(landed[1].body, "");
}

TEST_P(SinkContract, DrainsUntilEveryOutcomeHasArrived) {
  open();
  for (const EventRef& event : events({"a"}, 200)) submit(event);
  EXPECT_EQ(sink_->drain(Deadline::in(kUsual)), Sink::Drained::kAll);
  EXPECT_EQ(outcomes_.count(), 200U);
}

TEST_P(SinkContract, NeverWaitsForTheOtherSideInSubmit) {
  open_and_deliver_one("a");
  NEEDS_FAULT(harness_->hold());
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(try_submit(Ticket{++last_ticket_}, event_for("a", i)), Submitted::kAccepted);
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(1));
  harness_->release();
  EXPECT_TRUE(settle(21));
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), 21U);
}

TEST_P(SinkContract, GivesUpDrainingAtItsDeadline) {
  open();
  NEEDS_FAULT(harness_->hold());
  submit(event_for("a", 0));
  EXPECT_EQ(sink_->drain(Deadline::in(milliseconds(100))), Sink::Drained::kNotAll);
  harness_->release();
  EXPECT_EQ(sink_->drain(Deadline::in(kUsual)), Sink::Drained::kAll);
}

TEST_P(SinkContract, ReportsEverythingThatIsOutWhenItIsAbandoned) {
  open_and_deliver_one("a");
  NEEDS_FAULT(harness_->hold());
  for (int i = 0; i < 10; ++i) submit(event_for("a", i));
  sink_->abandon();
  ASSERT_TRUE(outcomes_.wait_for_reports(11, Deadline::in(kUsual)));
  EXPECT_EQ(outcomes_.count(Outcome::kRejected), 0U);
  const auto phase = sink_->state().phase;
  EXPECT_TRUE(phase == SinkState::Phase::kBroken || phase == SinkState::Phase::kClosed);
  EXPECT_EQ(try_submit(Ticket{++last_ticket_}, event_for("a", 10)), Submitted::kFull);
  harness_->release();
}

TEST_P(SinkContract, DeliversAgainWhenItIsOpenedAfterBeingAbandoned) {
  open();
  submit(event_for("a", 0));
  ASSERT_TRUE(settle(1));
  sink_->abandon();
  open();
  const Ticket ticket = submit(event_for("a", 1));
  ASSERT_TRUE(settle(2));
  EXPECT_EQ(outcomes_.report_on(ticket)->outcome, Outcome::kDelivered);
}

TEST_P(SinkContract, ReportsNothingAnyMoreOnceItIsGone) {
  open_and_deliver_one("a");
  NEEDS_FAULT(harness_->hold());
  for (int i = 0; i < 10; ++i) submit(event_for("a", i));
  sink_.reset();
  const auto count = outcomes_.count();
  harness_->release();
  EXPECT_FALSE(outcomes_.wait_for_reports(count + 1, Deadline::in(milliseconds(300))));
}

TEST_P(SinkContract, SaysInTimeThatTheOtherSideIsAwayAndOpensWhenItIsBack) {
  NEEDS_FAULT(harness_->go_away());
  const auto before = std::chrono::steady_clock::now();
  const auto opened = sink_->open(Deadline::in(seconds(1)), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::kUnavailable) << opened.error().describe();
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(4));
  harness_->come_back();
  open();
  EXPECT_TRUE(deliver_all(events({"a"}, 3)));
}

TEST_P(SinkContract, StopsOpeningWhenItIsToldTo) {
  NEEDS_FAULT(harness_->go_away());
  std::stop_source stop;
  std::jthread stopper([&] {
    outcomes_.wait_until([] { return false; }, Deadline::in(milliseconds(200)));
    stop.request_stop();
  });
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(sink_->open(Deadline::in(kPatient), stop.get_token()));
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(5));
  harness_->come_back();
}

TEST_P(SinkContract, LosesNothingAndKeepsOrderWhenTheOtherSideGoesAwayAndComesBack) {
  open();
  const auto sent = events({"a", "b", "c"}, 100);
  NEEDS_FAULT(harness_->go_away());
  std::jthread healer([&] {
    outcomes_.wait_until([] { return false; }, Deadline::in(seconds(1)));
    harness_->come_back();
  });
  ASSERT_TRUE(deliver_all(sent));
  EXPECT_EQ(first_arrivals(harness_->landed(sent.size(), Deadline::in(kUsual))), order_of(sent));
}

TEST_P(SinkContract, ReportsAsRejectedWhatTheOtherSideRefusesForGood) {
  const auto refused = harness_->refused_event();
  if (!refused) GTEST_SKIP() << "this other side refuses nothing";
  open();
  const Ticket ticket = submit(*refused);
  ASSERT_TRUE(settle(1));
  const auto report = outcomes_.report_on(ticket);
  EXPECT_EQ(report->outcome, Outcome::kRejected);
  ASSERT_NE(report->error, nullptr);
  EXPECT_FALSE(report->error->message().empty());
}

TEST_P(SinkContract, GoesOnAfterARejection) {
  const auto refused = harness_->refused_event();
  if (!refused) GTEST_SKIP() << "this other side refuses nothing";
  open();
  submit(*refused);
  ASSERT_TRUE(settle(1));
  EXPECT_TRUE(deliver_all(events({"a", "b"}, 10)));
}

// In the first moments of a session and in the midst of it: brokers check different things.
TEST_P(SinkContract, LetsNothingPassAFailureIfItSaysSo) {
  const auto refused = harness_->refused_event();
  if (!refused) GTEST_SKIP() << "this other side refuses nothing";
  if (sink_->later_may_pass() == connectors::LaterMayPass::kYes) GTEST_SKIP() << "it says that later ones may pass";
  const std::string key(*(*refused)->key);
  open();
  expect_nothing_passes(*refused);
  ASSERT_TRUE(deliver_all({event_for(key, 0)}));
  expect_nothing_passes(*refused);
}

void SinkContract::expect_nothing_passes(const EventRef& refused) {
  const auto delivered_before = outcomes_.count(Outcome::kDelivered);
  submit(refused);
  const auto later = event_for(std::string(*refused->key), 1'000);
  outcomes_.wait_until(
      [&] {
        const bool over = sink_->state().phase == SinkState::Phase::kBroken;
        return over || try_submit(Ticket{++last_ticket_}, later) == Submitted::kAccepted;
      },
      Deadline::in(kUsual));
  sink_->drain(Deadline::in(kUsual));
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), delivered_before);
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kBroken);
}

}  // namespace penstock::tests
