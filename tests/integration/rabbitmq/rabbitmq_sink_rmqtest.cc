#include <gtest/gtest.h>

#include "connectors/rabbitmq/rabbitmq_sink.h"
#include "tests/integration/rabbitmq/rabbit_fixture.h"

namespace penstock::rabbitmq {
namespace {

using connectors::Outcome;
using connectors::SinkState;
using connectors::Submitted;
using tests::RabbitQueue;

using RabbitSinkTest = RabbitFixture;

TEST_F(RabbitSinkTest, DeliversWhatAConsumerExpects) {
  const std::string queue = add_queue();
  open();
  submit(message(R"({"n": 1.10})"));
  settle();
  ASSERT_EQ(outcomes_.count(Outcome::kDelivered), 1U);
  const auto arrivals =
      tests::RabbitReader(tests::address_of(tests::Server::kRabbitMq), queue).read(1, Deadline::in(kLong));
  ASSERT_EQ(arrivals.size(), 1U);
  const auto& arrival = arrivals.front();
  const Event& event = *messages_.front().event;
  EXPECT_EQ(arrival.body, R"({"n": 1.10})");
  EXPECT_EQ(arrival.exchange, exchange_);
  EXPECT_EQ(arrival.routing_key, "order.placed");
  EXPECT_EQ(arrival.message_id, event.id.to_string());
  EXPECT_EQ(arrival.type, "placed");
  EXPECT_EQ(arrival.content_type, "application/json");
  EXPECT_EQ(arrival.delivery_mode, 2);
  EXPECT_TRUE(arrival.timestamp.has_value());
  EXPECT_EQ(arrival.text("stream"), "order-1");
  EXPECT_EQ(arrival.text("key"), "1");
  EXPECT_EQ(arrival.text("time"), format_timestamp(*event.occurred_at));
  EXPECT_EQ(std::get<std::int64_t>(arrival.headers.at("version")), 0);
  EXPECT_EQ(std::get<std::int64_t>(arrival.headers.at("position")), 1);
}

TEST_F(RabbitSinkTest, KeepsTheOrderOfThousandsInFlight) {
  const std::string queue = add_queue();
  open();
  submit_many(20'000);
  settle();
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), 20'000U);
  const auto found = bodies(queue, 20'000);
  ASSERT_EQ(found.size(), 20'000U);
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], std::to_string(i));
}

TEST_F(RabbitSinkTest, CarriesBodiesOfManyFrames) {
  const std::string queue = add_queue();
  open();
  const std::string large(1'000'000, 'x');
  submit(message(large));
  submit(message("small"));
  settle();
  EXPECT_EQ(bodies(queue, 2), (std::vector<std::string>{large, "small"}));
}

TEST_F(RabbitSinkTest, RejectsExactlyTheUnroutableOnes) {
  const std::string queue = add_queue({}, "order.placed");
  open();
  for (int i = 0; i < 300; ++i) submit(message(std::to_string(i), i % 3 == 0 ? "nobody.wants" : "order.placed"));
  settle();
  for (std::uint64_t ticket = 1; ticket <= 300; ++ticket)
    ASSERT_EQ(code_of(ticket), (ticket - 1) % 3 == 0 ? "rabbitmq.unroutable" : "") << ticket;
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
  EXPECT_EQ(admin_->depth(queue), 200U);
}

TEST_F(RabbitSinkTest, MatchesReturnsWithBodiesOfManyFrames) {
  add_queue({}, "order.placed");
  open();
  const auto unroutable = submit(message(std::string(300'000, 'x'), "nobody.wants"));
  const auto routed = submit(message("small"));
  settle();
  EXPECT_EQ(code_of(unroutable), "rabbitmq.unroutable");
  EXPECT_EQ(code_of(routed), "");
}

TEST_F(RabbitSinkTest, RejectsBeforeSendingWhatAmqpCanNotCarry) {
  const std::string queue = add_queue();
  open();
  const auto first = submit(message("1"));
  const auto poison = submit(message("2", std::string(256, 'k')));
  const auto last = submit(message("3"));
  settle();
  EXPECT_EQ(code_of(first) + code_of(last), "");
  EXPECT_EQ(code_of(poison), "rabbitmq.rejected");
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
  EXPECT_EQ(bodies(queue, 2), (std::vector<std::string>{"1", "3"}));
}

TEST_F(RabbitSinkTest, TakesANackAsRetryable) {
  const std::string queue = add_queue({.max_length = 5, .overflow = RabbitQueue::Overflow::kRejectPublish});
  open();
  submit_many(50);
  settle();
  EXPECT_GT(outcomes_.count(Outcome::kRetryable), 0U);
  EXPECT_GE(outcomes_.count(Outcome::kDelivered), 5U);
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), admin_->depth(queue));
  EXPECT_EQ(code_of(50), "rabbitmq.nacked");
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
  admin_->purge(queue);
  const auto again = submit(message("again"));
  settle();
  EXPECT_EQ(code_of(again), "");
}

TEST_F(RabbitSinkTest, DoesNotOpenWithoutItsExchange) {
  sink_ = make("rabbit-test-nowhere");
  const Status opened = sink_->open(Deadline::in(kLong), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "rabbitmq.exchange_missing");
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kClosed);
}

TEST_F(RabbitSinkTest, BreaksWhenItsExchangeIsDeletedAndGoesOnWhenItIsBack) {
  add_queue();
  open();
  admin_->delete_exchange(exchange_);
  submit_many(10);
  settle();
  EXPECT_EQ(outcomes_.count(Outcome::kRetryable), 10U);
  EXPECT_EQ(code_of(10), "rabbitmq.exchange_missing");
  ASSERT_TRUE(reaches(SinkState::Phase::kBroken));
  const Status opened = sink_->open(Deadline::in(kLong), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "rabbitmq.exchange_missing");
  admin_->declare_exchange(exchange_);
  add_queue();
  open();
  const auto again = submit(message("again"));
  settle();
  EXPECT_EQ(code_of(again), "");
}

TEST_F(RabbitSinkTest, LetsAMissingExchangeOfOneEventNotHinderTheOthers) {
  add_queue();
  sink_ = make("{category}");
  open();
  const auto there = submit(message("1"));
  const auto missing = submit(message("2", "k", "rabbit-test-nowhere"));
  const auto behind = submit(message("3"));
  const auto missing_again = submit(message("4", "k", "rabbit-test-nowhere"));
  settle();
  EXPECT_EQ(code_of(there) + code_of(behind), "");
  for (const auto ticket : {missing, missing_again}) {
    EXPECT_EQ(code_of(ticket), "rabbitmq.exchange_missing");
    EXPECT_EQ(outcomes_.report_on({ticket})->outcome, Outcome::kRetryable);
  }
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kReady);
}

TEST_F(RabbitSinkTest, FindsAnExchangeThatWasDeclaredMeanwhile) {
  sink_ = make("{category}");
  open();
  const std::string late = tests::unique_name("rabbit-test");
  submit(message("1", "k", late));
  settle();
  EXPECT_EQ(code_of(1), "rabbitmq.exchange_missing");
  admin_->declare_exchange(late);
  const auto delivered = [&] {
    const auto ticket = submit(message("2", "k", late));
    settle();
    return code_of(ticket) == "rabbitmq.unroutable";  // it is there, with no queue behind it
  };
  EXPECT_TRUE(outcomes_.wait_until(delivered, Deadline::in(kLong)));
  admin_->delete_exchange(late);
}

TEST_F(RabbitSinkTest, ReportsAllThatIsOutWhenTheConnectionIsCut) {
  add_queue();
  open();
  gate_->hold();
  submit_many(500);
  gate_->cut();
  settle();
  EXPECT_EQ(outcomes_.count(Outcome::kRetryable), 500U);
  EXPECT_EQ(code_of(500), "rabbitmq.unavailable");
  ASSERT_TRUE(reaches(SinkState::Phase::kBroken));
  EXPECT_EQ(sink_->submit({1'000}, message("late")), Submitted::kFull);
  gate_->release();
  open();
  const auto again = submit(message("again"));
  settle();
  EXPECT_EQ(code_of(again), "");
}

TEST_F(RabbitSinkTest, NoticesASilentBrokerAfterTwoHeartbeats) {
  add_queue();
  sink_ = make(exchange_, std::chrono::seconds(1));
  open();
  submit(message("1"));
  settle();
  const auto before = std::chrono::steady_clock::now();
  gate_->hold();
  ASSERT_TRUE(reaches(SinkState::Phase::kBroken));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(4));
  EXPECT_NE(sink_->state().why->message().find("silent"), std::string::npos);
}

TEST_F(RabbitSinkTest, StaysConnectedWhileNothingIsSent) {
  add_queue();
  sink_ = make(exchange_, std::chrono::seconds(1));
  open();
  const auto idle_until = Deadline::in(std::chrono::seconds(5));
  EXPECT_FALSE(outcomes_.wait_until([&] { return sink_->state().phase != SinkState::Phase::kReady; }, idle_until));
  const auto ticket = submit(message("1"));
  settle();
  EXPECT_EQ(code_of(ticket), "");
}

TEST_F(RabbitSinkTest, NeverWaitsInSubmitWhateverTheNetworkTakes) {
  add_queue();
  open();
  gate_->hold();
  const std::string large(1'000'000, 'x');
  const auto before = std::chrono::steady_clock::now();
  std::size_t accepted = 0;
  while (sink_->submit({++last_ticket_}, message(large)) == Submitted::kAccepted) ++accepted;
  sink_->flush();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
  EXPECT_GE(accepted, 60U);
  EXPECT_LE(accepted, 67U);  // 64 MiB of them
  gate_->release();
  settle();
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), accepted);
}

TEST_F(RabbitSinkTest, GivesUpOpeningAtItsDeadline) {
  gate_->hold();
  const auto before = std::chrono::steady_clock::now();
  const Status opened = sink_->open(Deadline::in(std::chrono::milliseconds(300)), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(3));
}

TEST_F(RabbitSinkTest, GivesUpOpeningWhenItIsStopped) { expect_given_up_when_stopped(std::chrono::seconds(3)); }

TEST_F(RabbitSinkTest, SaysThatThePasswordIsWrongWithoutShowingIt) {
  address_.password = Secret("not-the-password");
  sink_ = make(exchange_);
  const Status opened = sink_->open(Deadline::in(kLong), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "rabbitmq.unauthorized");
  EXPECT_EQ(opened.error().describe().find("not-the-password"), std::string::npos);
}

TEST_F(RabbitSinkTest, SaysThatThereIsNoSuchVirtualHost) {
  address_.vhost = "nowhere";
  sink_ = make(exchange_);
  const Status opened = sink_->open(Deadline::in(kLong), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "rabbitmq.unauthorized");
}

}  // namespace
}  // namespace penstock::rabbitmq
