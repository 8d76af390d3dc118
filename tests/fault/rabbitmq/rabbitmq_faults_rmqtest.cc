// What only happens to the whole broker: alarms, crashes, lost rights, other limits.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "tests/integration/rabbitmq/rabbit_fixture.h"

namespace penstock::rabbitmq {
namespace {

using connectors::Outcome;
using connectors::SinkState;
using connectors::Submitted;
using tests::Server;
using tests::ServerControl;

class RabbitFaultTest : public RabbitFixture {
 protected:
  void SetUp() override {
    if (!ServerControl::available()) GTEST_SKIP() << "the server was not started by scripts/servers";
    RabbitFixture::SetUp();
  }

  // What a route does with order = "pipelined" off: one message at a time, again until it is delivered.
  testing::AssertionResult deliver(const connectors::Message& message) {
    const auto deadline = Deadline::in(std::chrono::seconds(60));
    Status opened;
    int openings = 0, submissions = 0;
    while (!deadline.expired()) {
      const auto phase = sink_->state().phase;
      if (phase == SinkState::Phase::kBroken || phase == SinkState::Phase::kClosed) {
        sink_->drain(deadline);
        opened = sink_->open(Deadline::in(std::chrono::seconds(2)), {});
        ++openings;
        continue;
      }
      if (sink_->submit({++last_ticket_}, message) == Submitted::kFull) continue;
      ++submissions;
      sink_->drain(deadline);
      const auto report = outcomes_.report_on({last_ticket_});
      if (report && report->outcome == Outcome::kDelivered) return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "not delivered after " << openings << " openings and " << submissions
                                       << " submissions; last opening: " << (opened ? "ok" : opened.error().describe())
                                       << "; sink: phase " << static_cast<int>(sink_->state().phase) << ", "
                                       << (sink_->state().why ? sink_->state().why->describe() : "no reason");
  }
};

// Takes the memory of the broker away for its lifetime.
class MemoryAlarm {
 public:
  MemoryAlarm() { ServerControl::rabbitmqctl({"set_vm_memory_high_watermark", "absolute", "1"}); }
  ~MemoryAlarm() { ServerControl::rabbitmqctl({"set_vm_memory_high_watermark", "0.8"}); }
};

TEST_F(RabbitFaultTest, ShowsAnAlarmAsBlockedAndGoesOnOverTheSameConnection) {
  const std::string queue = add_queue();
  open();
  {
    const MemoryAlarm alarm;
    submit_many(2'000);
    ASSERT_TRUE(reaches(SinkState::Phase::kBlocked));
    EXPECT_EQ(sink_->state().why->code().name, "rabbitmq.blocked");
    EXPECT_EQ(sink_->submit({++last_ticket_}, message("more")), Submitted::kAccepted);
    sink_->flush();
    // Longer than two heartbeats would be no difference: the broker goes on sending its own.
    EXPECT_FALSE(outcomes_.wait_until([&] { return sink_->state().phase != SinkState::Phase::kBlocked; },
                                      Deadline::in(std::chrono::seconds(3))));
  }
  settle();
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), 2'001U);
  EXPECT_EQ(outcomes_.count(Outcome::kRetryable), 0U);
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
  EXPECT_EQ(admin_->depth(queue), 2'001U);
}

TEST_F(RabbitFaultTest, StaysBlockedBeyondItsHeartbeats) {
  add_queue();
  sink_ = make(exchange_, std::chrono::seconds(1));
  open();
  const MemoryAlarm alarm;
  submit_many(10);
  ASSERT_TRUE(reaches(SinkState::Phase::kBlocked));
  EXPECT_FALSE(outcomes_.wait_until([&] { return sink_->state().phase != SinkState::Phase::kBlocked; },
                                    Deadline::in(std::chrono::seconds(6))));
}

TEST_F(RabbitFaultTest, EndsPromptlyWhileItIsBlocked) {
  add_queue();
  open();
  const MemoryAlarm alarm;
  submit_many(2'000);
  ASSERT_TRUE(reaches(SinkState::Phase::kBlocked));
  const auto before = std::chrono::steady_clock::now();
  sink_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
}

TEST_F(RabbitFaultTest, LosesNothingAndKeepsOrderOverCrashesOfTheBroker) {
  const std::string queue = add_queue();
  // The broker answers before it writes: a queue declared in the last two seconds before a kill may be gone after it.
  ServerControl::rabbitmqctl({"eval", "mnesia:dump_log()."});
  open();
  constexpr int kEvents = 60;
  for (int i = 0; i < kEvents; ++i) {
    if (i % 20 == 10) {
      ServerControl::kill(Server::kRabbitMq);
      gate_->cut();
      ServerControl::start(Server::kRabbitMq);
    }
    ASSERT_TRUE(deliver(message(std::to_string(i)))) << i;
  }
  admin_ = std::make_unique<tests::RabbitAdmin>(tests::address_of(Server::kRabbitMq));
  // Steps back are replays; a jump ahead would be a loss or a wrong order.
  int highest = -1;
  for (const std::string& body : bodies(queue, admin_->depth(queue))) {
    ASSERT_LE(std::stoi(body), highest + 1);
    highest = std::max(highest, std::stoi(body));
  }
  EXPECT_EQ(highest, kEvents - 1);
}

TEST_F(RabbitFaultTest, ReportsTheWholeWindowAsUnknownWhenTheBrokerDies) {
  add_queue();
  open();
  gate_->hold();
  submit_many(1'000);
  ServerControl::kill(Server::kRabbitMq);
  gate_->release();
  settle();
  EXPECT_EQ(outcomes_.count(Outcome::kRetryable) + outcomes_.count(Outcome::kDelivered), 1'000U);
  EXPECT_GT(outcomes_.count(Outcome::kRetryable), 0U);
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kBroken);
  ServerControl::start(Server::kRabbitMq);
  admin_ = std::make_unique<tests::RabbitAdmin>(tests::address_of(Server::kRabbitMq));
}

// A user of its own, so that taking its rights hurts nobody else.
class RabbitRightsTest : public RabbitFaultTest {
 protected:
  void SetUp() override {
    RabbitFaultTest::SetUp();
    if (IsSkipped() || !admin_) return;
    ServerControl::rabbitmqctl({"add_user", user_, "secret"});
    allow(".*");
    address_.user = user_;
    address_.password = Secret("secret");
    sink_ = make(exchange_);
    add_queue();
  }
  void TearDown() override {
    RabbitFaultTest::TearDown();
    if (admin_) ServerControl::rabbitmqctl({"delete_user", user_});
  }
  void allow(const std::string& writes) {
    ServerControl::rabbitmqctl({"set_permissions", "-p", "/", user_, "^$", writes, "^$"});
  }
  // A channel remembers what it may write until it has been idle for a while.
  static void forget_rights() {
    ServerControl::rabbitmqctl(
        {"eval",
         "lists:foreach(fun(Channel) -> sys:replace_state(Channel, fun(State) -> erase(permission_cache), State end) "
         "end, rabbit_channel:list())."});
  }
  void allow_topics(const std::string& writes) {
    ServerControl::rabbitmqctl({"set_topic_permissions", "-p", "/", user_, exchange_, writes, ".*"});
  }
  // Returns the ticket of the one.
  std::uint64_t submit_among_others(std::string_view routing_key, std::string_view destination) {
    submit_many(100);
    const auto ticket = submit(message("one", routing_key, destination));
    submit_many(100);
    settle();
    return ticket;
  }
  void expect_no_resend(const std::function<std::uint64_t()>& submit_again) {
    EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
    const std::string& queue = queues_.front();
    admin_->purge(queue);
    const auto delivered = outcomes_.count(Outcome::kDelivered);
    EXPECT_EQ(code_of(submit_again()), "rabbitmq.unauthorized");
    EXPECT_EQ(outcomes_.count(Outcome::kDelivered), delivered + 200);
    EXPECT_EQ(admin_->depth(queue), 200U);
  }
  void expect_to_pass(std::string_view routing_key, std::string_view destination) {
    const auto passes = [&] {
      const auto ticket = submit(message("again", routing_key, destination));
      settle();
      return code_of(ticket) != "rabbitmq.unauthorized";
    };
    EXPECT_TRUE(outcomes_.wait_until(passes, Deadline::in(kLong)));
    EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
  }
  const std::string user_ = tests::unique_name("rabbit-user");
};

TEST_F(RabbitRightsTest, StopsTryingToPublishOnceItMayNot) {
  open();
  submit(message("1"));
  settle();
  allow("^$");
  forget_rights();
  submit(message("2"));
  ASSERT_TRUE(reaches(SinkState::Phase::kBroken));
  EXPECT_EQ(sink_->state().why->code().name, "rabbitmq.unauthorized");
  const Status opened = sink_->open(Deadline::in(kLong), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "rabbitmq.unauthorized");
  allow(".*");
  open();
  const auto again = submit(message("3"));
  settle();
  EXPECT_EQ(code_of(again), "");
}

TEST_F(RabbitRightsTest, HoldsBackOnlyTheExchangeThatItMayNotPublishTo) {
  const std::string forbidden = tests::unique_name("rabbit-forbidden");
  admin_->declare_exchange(forbidden);
  allow("^" + exchange_ + "$");
  sink_ = make("{category}");
  open();
  const auto refused = submit_among_others("order.placed", forbidden);
  EXPECT_EQ(code_of(refused), "rabbitmq.unauthorized");
  EXPECT_EQ(outcomes_.report_on({refused})->outcome, Outcome::kRetryable);
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), 200U);
  expect_no_resend([&] { return submit_among_others("order.placed", forbidden); });

  allow(".*");
  expect_to_pass("order.placed", forbidden);
  admin_->delete_exchange(forbidden);
}

TEST_F(RabbitRightsTest, HoldsBackOnlyTheRoutingKeysThatItMayNotUse) {
  allow_topics("^order");
  open();
  const auto refused = submit_among_others("secret.one", exchange_);
  EXPECT_EQ(code_of(refused), "rabbitmq.unauthorized");
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), 200U);
  expect_no_resend([&] { return submit_among_others("secret.one", exchange_); });
  expect_no_resend([&] { return submit_among_others("secret.two", exchange_); });

  allow_topics(".*");
  expect_to_pass("secret.one", exchange_);
}

// The broker cuts its words before they name the exchange.
TEST_F(RabbitRightsTest, FindsARefusedRoutingKeyThatTheBrokerDoesNotNameWhole) {
  allow_topics("^order");
  open();
  const std::string longest(255, 'k');
  const auto refused = submit_among_others(longest, exchange_);
  EXPECT_EQ(code_of(refused), "rabbitmq.unauthorized");
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), 200U);
  expect_no_resend([&] { return submit_among_others(longest, exchange_); });
}

TEST_F(RabbitFaultTest, RejectsABodyBeyondTheBrokersLimitUntilItConnectsAgain) {
  const std::string queue = add_queue();
  ServerControl::rabbitmqctl({"eval", "application:set_env(rabbit, max_message_size, 10000)."});
  open();
  const auto& large = message(std::string(20'000, 'x'));
  const auto refused = submit(large);
  const auto small = submit(message("small"));
  settle();
  ServerControl::rabbitmqctl({"eval", "application:set_env(rabbit, max_message_size, 134217728)."});
  EXPECT_EQ(code_of(refused), "rabbitmq.rejected");
  EXPECT_EQ(code_of(small), "");
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
  EXPECT_EQ(admin_->depth(queue), 1U);

  gate_->cut();
  ASSERT_TRUE(reaches(SinkState::Phase::kBroken));
  open();
  const auto again = submit(large);
  settle();
  EXPECT_EQ(code_of(again), "");
}

}  // namespace
}  // namespace penstock::rabbitmq
