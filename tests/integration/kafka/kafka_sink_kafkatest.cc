// What only a real broker shows: limits of topics, unknown topics, credentials.
#include <gmock/gmock.h>

#include <deque>
#include <map>

#include "tests/contract/sink/kafka_harness.h"
#include "tests/support/outcome_collector.h"

namespace penstock::tests {
namespace {

using connectors::Outcome;
using connectors::Sink;
using connectors::SinkState;
using connectors::Submitted;
using connectors::Ticket;
using std::chrono::seconds;

constexpr seconds kUsual{30};

// Drives a sink as a route does: what failed as retryable is submitted again, in its order.
class Driver {
 public:
  explicit Driver(KafkaHarness& harness) : harness_(harness), sink_(harness.make(outcomes_)) {}

  Status open() { return sink_->open(Deadline::in(kUsual), {}); }

  // Outcomes by event, once none is retryable any more.
  std::map<EventId, Outcome> settle(std::vector<EventRef> events) {
    std::map<EventId, Outcome> settled;
    const auto deadline = Deadline::in(seconds(60));
    while (!events.empty() && !deadline.expired()) {
      const auto state = sink_->state().phase;
      if ((state == SinkState::Phase::kBroken || state == SinkState::Phase::kClosed) && !open()) continue;
      std::vector<Ticket> tickets;
      for (const EventRef& event : events) {
        if (!submit(event, deadline)) break;
        tickets.push_back(Ticket{last_ticket_});
      }
      sink_->drain(deadline);
      std::vector<EventRef> again;
      for (std::size_t i = 0; i < events.size(); ++i) {
        const auto report = i < tickets.size() ? outcomes_.report_on(tickets[i]) : std::nullopt;
        if (report && report->outcome != Outcome::kRetryable) {
          settled[events[i]->id] = report->outcome;
        } else {
          again.push_back(events[i]);
        }
      }
      events = std::move(again);
    }
    return settled;
  }

  bool submit(const EventRef& event, Deadline deadline) {
    const Ticket ticket{++last_ticket_};
    bool taken = false;
    outcomes_.wait_until(
        [&] {
          messages_.push_back(harness_.message(event));
          taken = sink_->submit(ticket, messages_.back()) == Submitted::kAccepted;
          if (!taken) messages_.pop_back();
          return taken || sink_->state().phase == SinkState::Phase::kBroken;
        },
        deadline);
    return taken;
  }

  OutcomeCollector& outcomes() { return outcomes_; }
  Sink& sink() { return *sink_; }

 private:
  KafkaHarness& harness_;
  OutcomeCollector outcomes_;
  std::deque<connectors::Message> messages_;
  std::unique_ptr<Sink> sink_;
  std::uint64_t last_ticket_ = 0;
};

std::vector<EventRef> events_of(int count, std::size_t bytes) {
  std::vector<EventRef> events;
  for (int i = 0; i < count; ++i) events.push_back(event_for("a", i, std::string(bytes, 'x')));
  return events;
}

TEST(KafkaSink, DeliversRecordsThatFitThoughTheirBatchIsTooLarge) {
  PENSTOCK_NEEDS(Server::kKafka);
  const auto harness = RealKafkaHarness::start({{"max.message.bytes", "20000"}}, {{"linger.ms", "100"}});
  Driver driver(*harness);
  const auto settled = driver.settle(events_of(50, 3'000));
  ASSERT_EQ(settled.size(), 50U);
  for (const auto& [id, outcome] : settled) EXPECT_EQ(outcome, Outcome::kDelivered);
  EXPECT_GE(harness->log().count(LogLevel::kWarn), 1U) << "says that batch.size is above the topic's limit";
}

TEST(KafkaSink, RejectsOnlyTheRecordThatIsTooLargeForItsTopic) {
  PENSTOCK_NEEDS(Server::kKafka);
  const auto harness = RealKafkaHarness::start({{"max.message.bytes", "20000"}}, {{"linger.ms", "100"}});
  Driver driver(*harness);
  auto events = events_of(20, 1'000);
  events.insert(events.begin() + 10, event_for("a", 1'000, std::string(40'000, 'y')));
  const auto settled = driver.settle(events);
  ASSERT_EQ(settled.size(), 21U);
  for (const auto& event : events) {
    EXPECT_EQ(settled.at(event->id), event->data->size() > 20'000 ? Outcome::kRejected : Outcome::kDelivered);
  }
}

TEST(KafkaSink, FindsTheRecordThatTheTopicRefusesForItsContent) {
  PENSTOCK_NEEDS(Server::kKafka);
  const auto harness = RealKafkaHarness::start({{"cleanup.policy", "compact"}}, {{"linger.ms", "100"}});
  Driver driver(*harness);
  std::vector<EventRef> events = events_of(5, 10);
  const EventRef keyed = event_for("a", 6);  // keeps what the views point into
  Event keyless = *keyed;
  keyless.key.reset();
  events.push_back(make_event(keyless));
  const auto settled = driver.settle(events);
  ASSERT_EQ(settled.size(), 6U);
  for (const auto& event : events) {
    EXPECT_EQ(settled.at(event->id), event->key ? Outcome::kDelivered : Outcome::kRejected);
  }
}

TEST(KafkaSink, RejectsWhatATemplateMadeAnIllegalTopicNameOf) {
  PENSTOCK_NEEDS(Server::kKafka);
  KafkaHarness harness(address_of(Server::kKafka), "no legal/name");
  Driver driver(harness);
  ASSERT_TRUE(driver.open());
  const auto settled = driver.settle(events_of(3, 10));
  ASSERT_EQ(settled.size(), 3U);
  for (const auto& [id, outcome] : settled) EXPECT_EQ(outcome, Outcome::kRejected);
}

class WrongCredentials : public testing::TestWithParam<std::map<std::string, std::string>> {};

TEST_P(WrongCredentials, AreSaidAtOnceWithTheirOwnCode) {
  PENSTOCK_NEEDS(Server::kKafka);
  KafkaHarness harness(address_of(Server::kKafka), "any", GetParam());
  OutcomeCollector outcomes;
  const auto sink = harness.make(outcomes);
  const auto before = std::chrono::steady_clock::now();
  const auto opened = sink->open(Deadline::in(kUsual), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "kafka.authentication_failed") << opened.error().describe();
  EXPECT_THAT(opened.error().describe(), testing::Not(testing::HasSubstr("s3cret")));
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(10));
}

INSTANTIATE_TEST_SUITE_P(Kinds, WrongCredentials,
                         testing::Values(std::map<std::string, std::string>{{"security.protocol", "ssl"}},
                                         std::map<std::string, std::string>{{"security.protocol", "sasl_plaintext"},
                                                                            {"sasl.mechanisms", "PLAIN"},
                                                                            {"sasl.username", "penstock"},
                                                                            {"sasl.password", "s3cret"}}));

}  // namespace
}  // namespace penstock::tests
