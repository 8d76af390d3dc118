// Faults that the broker in this process can play: what the sink makes of them.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <deque>

#include "tests/contract/sink/kafka_harness.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outcome_collector.h"

namespace penstock::tests {
namespace {

using connectors::Outcome;
using connectors::SinkState;
using connectors::Submitted;
using connectors::Ticket;
using std::chrono::seconds;

constexpr seconds kUsual{20};

class KafkaSinkFaults : public testing::Test {
 protected:
  void start(std::map<std::string, std::string> options = {}) {
    harness_ = MockKafkaHarness::start(std::move(options));
    sink_ = harness_->make(outcomes_);
    open();
  }

  void open() {
    const auto opened = sink_->open(Deadline::in(kUsual), {});
    ASSERT_TRUE(opened) << opened.error().describe();
  }

  Ticket submit(const EventRef& event) {
    const Ticket ticket{++last_ticket_};
    EXPECT_TRUE(outcomes_.wait_until(
        [&] {
          messages_.push_back(harness_->message(event));
          if (sink_->submit(ticket, messages_.back()) == Submitted::kAccepted) return true;
          messages_.pop_back();
          return false;
        },
        Deadline::in(kUsual)));
    return ticket;
  }

  // So that the broker knows the producer in the partition of that key.
  void deliver_one(const std::string& key) {
    submit(event_for(key, 0));
    ASSERT_EQ(sink_->drain(Deadline::in(kUsual)), connectors::Sink::Drained::kAll);
  }

  bool wait_for(SinkState::Phase phase) {
    return outcomes_.wait_until([&] { return sink_->state().phase == phase; }, Deadline::in(kUsual));
  }

  // Outcome of a single message under the next answers of the broker.
  connectors::DeliveryReport outcome_under(std::initializer_list<int> errors) {
    start();
    deliver_one("a");
    harness_->broker().fail_next_produces(errors);
    const Ticket ticket = submit(event_for("a", 1));
    EXPECT_EQ(sink_->drain(Deadline::in(kUsual)), connectors::Sink::Drained::kAll);
    return *outcomes_.report_on(ticket);
  }

  std::unique_ptr<MockKafkaHarness> harness_;
  OutcomeCollector outcomes_;
  std::deque<connectors::Message> messages_;
  std::unique_ptr<connectors::Sink> sink_;
  std::uint64_t last_ticket_ = 0;
};

TEST_F(KafkaSinkFaults, SaysOnceThatTheBrokersAreAwayAndOnceThatTheyAreBack) {
  start();
  deliver_one("a");
  harness_->go_away();
  ASSERT_TRUE(wait_for(SinkState::Phase::kAway));
  EXPECT_EQ(sink_->state().why->code().name, "kafka.unavailable");
  harness_->come_back();
  ASSERT_TRUE(wait_for(SinkState::Phase::kReady));
  EXPECT_EQ(outcomes_.changes(), 2U);
}

TEST_F(KafkaSinkFaults, DeliversWhatWasSubmittedWhileTheBrokersWereAway) {
  start();
  deliver_one("a");
  harness_->go_away();
  ASSERT_TRUE(wait_for(SinkState::Phase::kAway));
  for (int i = 1; i <= 10; ++i) submit(event_for("a", i));
  harness_->come_back();
  EXPECT_EQ(sink_->drain(Deadline::in(kUsual)), connectors::Sink::Drained::kAll);
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), 11U);
}

TEST_F(KafkaSinkFaults, RetriesByItselfWhatABrokerCanNotTakeJustNow) {
  const auto report = outcome_under({RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                     RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT});
  EXPECT_EQ(report.outcome, Outcome::kDelivered);
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
}

TEST_F(KafkaSinkFaults, EndsTheSessionWhenASequenceIsLost) {
  const auto report = outcome_under({RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  EXPECT_EQ(report.outcome, Outcome::kRetryable);
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kBroken);
  EXPECT_EQ(sink_->state().why->code().name, "kafka.fatal");
}

TEST_F(KafkaSinkFaults, MakesANewProducerAfterAFatalError) {
  outcome_under({RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  open();
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
  const Ticket ticket = submit(event_for("a", 1));
  sink_->drain(Deadline::in(kUsual));
  EXPECT_EQ(outcomes_.report_on(ticket)->outcome, Outcome::kDelivered);
}

TEST_F(KafkaSinkFaults, ReportsEverythingThatIsOutAfterAFatalError) {
  start({{"linger.ms", "50"}});
  deliver_one("a");
  harness_->broker().fail_next_produces({RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH});
  std::size_t taken = 1;
  for (int i = 1; i <= 100; ++i) {
    messages_.push_back(harness_->message(event_for("a", i)));
    if (sink_->submit(Ticket{++last_ticket_}, messages_.back()) == Submitted::kAccepted) ++taken;
  }
  EXPECT_EQ(sink_->drain(Deadline::in(kUsual)), connectors::Sink::Drained::kAll);
  EXPECT_EQ(outcomes_.count(), taken);
  EXPECT_EQ(outcomes_.count(Outcome::kRejected), 0U);
}

TEST_F(KafkaSinkFaults, WaitsForRightsOnATopic) {
  const auto report = outcome_under({RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  EXPECT_EQ(report.outcome, Outcome::kRetryable);
  EXPECT_EQ(report.error->code().name, "kafka.unauthorized");
}

TEST_F(KafkaSinkFaults, RejectsASingleRecordThatTheBrokerRefuses) {
  const auto report = outcome_under({RD_KAFKA_RESP_ERR_INVALID_RECORD});
  EXPECT_EQ(report.outcome, Outcome::kRejected);
  EXPECT_EQ(report.error->code().name, "kafka.rejected");
}

// Guards against parking innocent events with the one that a broker means.
TEST_F(KafkaSinkFaults, SendsTheRecordsOfARefusedBatchOneByOne) {
  start({{"linger.ms", "200"}});
  deliver_one("a");
  harness_->broker().fail_next_produces({RD_KAFKA_RESP_ERR_INVALID_RECORD});
  for (int i = 1; i <= 5; ++i) submit(event_for("a", i));
  ASSERT_TRUE(wait_for(SinkState::Phase::kBroken));
  sink_->drain(Deadline::in(kUsual));
  EXPECT_EQ(outcomes_.count(Outcome::kRetryable), 5U);

  open();
  harness_->broker().fail_next_produces({RD_KAFKA_RESP_ERR_INVALID_RECORD});
  const Ticket refused = submit(event_for("a", 1));
  sink_->drain(Deadline::in(kUsual));
  EXPECT_EQ(outcomes_.report_on(refused)->outcome, Outcome::kRejected);
}

TEST_F(KafkaSinkFaults, GoesBackToBatchesOnceTheRefusedOneIsSentThrough) {
  start({{"linger.ms", "200"}});
  deliver_one("a");
  harness_->broker().fail_next_produces({RD_KAFKA_RESP_ERR_INVALID_RECORD});
  for (int i = 1; i <= 2; ++i) submit(event_for("a", i));
  ASSERT_TRUE(wait_for(SinkState::Phase::kBroken));
  sink_->drain(Deadline::in(kUsual));
  open();
  for (int i = 1; i <= 2; ++i) submit(event_for("a", i));
  ASSERT_TRUE(wait_for(SinkState::Phase::kBroken)) << "the careful session ends by itself";
  sink_->drain(Deadline::in(kUsual));
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), 3U);
  open();
  deliver_one("a");
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
}

TEST(KafkaSinkTopics, AreKeptUpToABoundAndTheRestGoesToANewProducer) {
  auto broker = kafka::DemoBroker::start();
  ASSERT_TRUE(broker);
  SystemClock clock;
  SystemRandom random;
  RecordingLog log;
  OutcomeCollector outcomes;
  kafka::KafkaSettings settings{(*broker)->address(), {}};
  settings.most_topics = 3;
  const auto sink = kafka::make_kafka_sink(settings, {"suite", {.destination = "{type}"}, {16 << 20, kEventLimit}},
                                           {clock, random, log, "test"}, outcomes);
  ASSERT_TRUE(sink->open(Deadline::in(kUsual), {}));
  int openings = 1;
  std::deque<connectors::Message> messages;
  constexpr int kTopics = 8;
  for (int i = 0; i < kTopics; ++i) {
    const std::string topic = "topic-" + std::to_string(i);
    ASSERT_TRUE((*broker)->create_topic(topic, 1));
    connectors::MessageBuilder builder(event_for("a", i));
    builder.message().destination = topic;
    messages.push_back(std::move(builder).finish());
    ASSERT_TRUE(outcomes.wait_until(
        [&] {
          if (sink->submit(Ticket{static_cast<std::uint64_t>(i) + 1}, messages.back()) == Submitted::kAccepted)
            return true;
          sink->drain(Deadline::in(kUsual));
          if (sink->state().phase == SinkState::Phase::kBroken && sink->open(Deadline::in(kUsual), {})) ++openings;
          return false;
        },
        Deadline::in(kUsual)))
        << topic;
  }
  sink->drain(Deadline::in(kUsual));
  EXPECT_EQ(outcomes.count(Outcome::kDelivered), static_cast<std::size_t>(kTopics));
  EXPECT_EQ(openings, 3) << "three topics a producer";
}

TEST(KafkaSinkStall, IsShownAsBlockedAfterThirtySecondsWithoutAcknowledgement) {
  auto broker = kafka::DemoBroker::start();
  ASSERT_TRUE(broker && (*broker)->create_topic("suite", 1));
  ManualClock clock;
  SystemRandom random;
  RecordingLog log;
  OutcomeCollector outcomes;
  const auto sink =
      kafka::make_kafka_sink({(*broker)->address(), {}}, {"suite", {.destination = "suite"}, {16 << 20, kEventLimit}},
                             {clock, random, log, "test"}, outcomes);
  ASSERT_TRUE(sink->open(Deadline::in(kUsual), {}));
  (*broker)->set_delay(2'000);
  connectors::MessageBuilder builder(event_for("a", 0));
  builder.message().destination = "suite";
  const auto message = std::move(builder).finish();
  ASSERT_EQ(sink->submit(Ticket{1}, message), Submitted::kAccepted);
  const auto is = [&](SinkState::Phase phase) { return [&, phase] { return sink->state().phase == phase; }; };
  outcomes.wait_until(
      [&] {
        clock.advance(seconds(16));
        return sink->state().phase == SinkState::Phase::kBlocked;
      },
      Deadline::in(seconds(2)));
  EXPECT_EQ(sink->state().phase, SinkState::Phase::kBlocked);
  (*broker)->set_delay(0);
  EXPECT_TRUE(outcomes.wait_until(is(SinkState::Phase::kReady), Deadline::in(kUsual)));
}

}  // namespace
}  // namespace penstock::tests
