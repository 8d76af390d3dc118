// amqps://: delivers, and trusts nobody that it was not told to trust.
#include <gtest/gtest.h>

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
    make_tls_sink(tls_->port(), trust == Trust::kTheGate ? tls_->ca_file() : std::string());
  }
  void make_tls_sink(int port, const std::string& ca_file = {}) {
    RabbitSettings settings{.address = address_, .exchange = exchange_, .heartbeat = kHeartbeat};
    settings.address.port = port;
    settings.address.transport = BrokerAddress::Transport::kTls;
    settings.ca_file = ca_file;
    sink_ = make_with(settings, exchange_);
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
  make_tls_sink(gate_->port());
  expect_given_up_when_stopped(std::chrono::seconds(2));
}

TEST_F(RabbitTls, SaysThatAPlainPortSpeaksNoTls) {
  make_tls_sink(address_.port);
  const std::string code = code_of_opening();
  EXPECT_TRUE(code == "rabbitmq.tls_failed" || code == "rabbitmq.unavailable") << code;
}

}  // namespace
}  // namespace penstock::rabbitmq
