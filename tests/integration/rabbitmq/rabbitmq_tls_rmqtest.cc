// amqps://: delivers, and trusts nobody that it was not told to trust.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/rabbitmq/rabbit_fixture.h"
#include "tests/support/tls_gate.h"

namespace penstock::rabbitmq {
namespace {

using connectors::Outcome;

class RabbitTls : public RabbitFixture {
 protected:
  enum class Trust { kTheGate, kTheSystem };
  void use_tls(const std::string& name_in_certificate, Trust trust) {
    tls_ = std::make_unique<tests::TlsGate>(static_cast<std::uint16_t>(address_.port), name_in_certificate);
    RabbitSettings settings{.address = address_, .exchange = exchange_, .heartbeat = kHeartbeat};
    settings.address.port = tls_->port();
    settings.address.transport = BrokerAddress::Transport::kTls;
    if (trust == Trust::kTheGate) settings.ca_file = tls_->ca_file();
    sink_ = make_rabbitmq_sink(settings,
                               {.name = "test",
                                .templates = {.destination = exchange_, .routing_key = "{category}.{type}"},
                                .limits = {.window_bytes = 64 << 20, .event_bytes = 1 << 20}},
                               surroundings_, outcomes_);
  }
  void TearDown() override {
    RabbitFixture::TearDown();
    tls_.reset();
  }
  std::string code_of_opening() {
    const Status opened = sink_->open(Deadline::in(kLong), {});
    return opened ? "ok" : std::string(opened.error().code().name);
  }

 private:
  std::unique_ptr<tests::TlsGate> tls_;
};

TEST_F(RabbitTls, DeliversInOrderToABrokerWhoseAuthorityIsTrusted) {
  use_tls("IP:127.0.0.1", Trust::kTheGate);
  const std::string queue = add_queue();
  open();
  const std::string large(500'000, 'x');
  submit(message(large));
  submit_many(2'000);
  settle();
  EXPECT_EQ(outcomes_.count(Outcome::kDelivered), 2'001U);
  const auto found = bodies(queue, 2'001);
  ASSERT_EQ(found.size(), 2'001U);
  EXPECT_EQ(found.front(), large);
  for (std::size_t i = 1; i < found.size(); ++i) ASSERT_EQ(found[i], std::to_string(i - 1));
}

TEST_F(RabbitTls, RefusesAnAuthorityThatNobodyTrusts) {
  use_tls("IP:127.0.0.1", Trust::kTheSystem);
  EXPECT_EQ(code_of_opening(), "rabbitmq.tls_failed");
}

TEST_F(RabbitTls, RefusesACertificateOfAnotherHost) {
  use_tls("DNS:elsewhere.example", Trust::kTheGate);
  EXPECT_EQ(code_of_opening(), "rabbitmq.tls_failed");
}

TEST_F(RabbitTls, GivesUpShakingHandsWhenItIsStopped) {
  RabbitSettings settings{.address = address_, .exchange = exchange_, .heartbeat = kHeartbeat};
  settings.address.port = gate_->port();
  settings.address.transport = BrokerAddress::Transport::kTls;
  sink_ = make_rabbitmq_sink(settings,
                             {.name = "test",
                              .templates = {.destination = exchange_},
                              .limits = {.window_bytes = 1 << 20, .event_bytes = 1 << 20}},
                             surroundings_, outcomes_);
  gate_->hold();
  std::stop_source stop;
  std::jthread stopper([&] {
    outcomes_.wait_until([] { return false; }, Deadline::in(std::chrono::milliseconds(200)));
    stop.request_stop();
  });
  const auto before = std::chrono::steady_clock::now();
  const Status opened = sink_->open(Deadline::in(kLong), stop.get_token());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "core.stopped");
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
}

TEST_F(RabbitTls, SaysThatAPlainPortSpeaksNoTls) {
  RabbitSettings settings{.address = address_, .exchange = exchange_, .heartbeat = kHeartbeat};
  settings.address.transport = BrokerAddress::Transport::kTls;
  sink_ = make_rabbitmq_sink(settings,
                             {.name = "test",
                              .templates = {.destination = exchange_},
                              .limits = {.window_bytes = 1 << 20, .event_bytes = 1 << 20}},
                             surroundings_, outcomes_);
  const std::string code = code_of_opening();
  EXPECT_TRUE(code == "rabbitmq.tls_failed" || code == "rabbitmq.unavailable") << code;
}

}  // namespace
}  // namespace penstock::rabbitmq
