#include <gtest/gtest.h>

#include "connectors/rabbitmq/rabbitmq_inspect.h"
#include "tests/support/rabbit_reader.h"
#include "tests/support/servers.h"

namespace penstock::rabbitmq {
namespace {

using connectors::Finding;

class RabbitInspectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(tests::Server::kRabbitMq);
    admin_ = std::make_unique<tests::RabbitAdmin>(tests::address_of(tests::Server::kRabbitMq));
  }
  void TearDown() override {
    if (admin_ && !exchange_.empty()) admin_->delete_exchange(exchange_);
  }
  std::string declare(const std::string& type) {
    exchange_ = tests::unique_name("rabbit-inspect");
    admin_->declare_exchange(exchange_, type);
    return exchange_;
  }
  static std::string words(const std::string& destination, const std::string& url = {}) {
    Section sink;
    sink.set("url", Secret(url.empty() ? tests::address_of(tests::Server::kRabbitMq) : url), "p.toml:1:1");
    sink.set("exchange", destination, "p.toml:2:1");
    const connectors::RouteTemplates routes[] = {{.destination = destination, .routing_key = "{category}.{type}"}};
    std::string lines;
    for (const Finding& finding : inspect(sink, routes, 1 << 20, Deadline::in(std::chrono::seconds(20)))) {
      lines += finding.severity == Finding::Severity::kOk        ? "ok "
               : finding.severity == Finding::Severity::kWarning ? "warning "
                                                                 : "error ";
      lines += finding.subject + ": " + finding.message + " | " + finding.fix + "\n";
    }
    return lines;
  }

  std::unique_ptr<tests::RabbitAdmin> admin_;
  std::string exchange_;
};

TEST_F(RabbitInspectTest, FindsADurableTopicExchangeInOrder) {
  const std::string found = words(declare("topic"));
  EXPECT_NE(found.find("ok broker "), std::string::npos) << found;
  EXPECT_NE(found.find("may be published to"), std::string::npos) << found;
  EXPECT_EQ(found.find("warning"), std::string::npos) << found;
  EXPECT_EQ(found.find("error"), std::string::npos) << found;
}

TEST_F(RabbitInspectTest, WarnsOfAnExchangeThatIgnoresRoutingKeys) {
  EXPECT_NE(words(declare("fanout")).find("warning exchange " + exchange_ + ": is of type fanout"), std::string::npos);
  admin_->delete_exchange(exchange_);
  EXPECT_NE(words(declare("headers")).find("is of type headers"), std::string::npos);
}

TEST_F(RabbitInspectTest, NamesTheCommandForAMissingExchange) {
  const std::string found = words("rabbit-inspect-nowhere");
  EXPECT_NE(found.find("rabbitmq.exchange_missing"), std::string::npos) << found;
  EXPECT_NE(found.find("declare exchange name='rabbit-inspect-nowhere' type=topic durable=true"), std::string::npos);
}

TEST_F(RabbitInspectTest, MakesNothing) {
  words("rabbit-inspect-nowhere");
  EXPECT_NE(words("rabbit-inspect-nowhere").find("rabbitmq.exchange_missing"), std::string::npos);
}

TEST_F(RabbitInspectTest, NamesTheCommandForAMissingVirtualHost) {
  const std::string found = words("events", tests::address_of(tests::Server::kRabbitMq) + "/nowhere");
  EXPECT_NE(found.find("rabbitmqctl add_vhost 'nowhere'"), std::string::npos) << found;
}

TEST_F(RabbitInspectTest, TellsAWrongPasswordFromAMissingVirtualHost) {
  std::string url = tests::address_of(tests::Server::kRabbitMq);
  url.replace(url.find("guest:guest"), 11, "guest:s3cret");
  const std::string found = words("events", url);
  EXPECT_NE(found.find("rabbitmq.unauthorized"), std::string::npos) << found;
  EXPECT_NE(found.find("rabbitmqctl change_password 'guest'"), std::string::npos) << found;
  EXPECT_EQ(found.find("s3cret"), std::string::npos) << found;
}

TEST_F(RabbitInspectTest, SaysThatNobodyAnswers) {
  const std::string found = words("events", "amqp://guest:guest@127.0.0.1:1/");
  EXPECT_NE(found.find("error broker 127.0.0.1:1"), std::string::npos) << found;
  EXPECT_NE(found.find("refused, or out of reach [rabbitmq.unavailable]"), std::string::npos) << found;
}

}  // namespace
}  // namespace penstock::rabbitmq
