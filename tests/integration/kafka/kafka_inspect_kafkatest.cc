#include <gmock/gmock.h>

#include "connectors/kafka/kafka_inspect.h"
#include "tests/support/eventually.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/servers.h"

namespace penstock::kafka {
namespace {

using connectors::Finding;
using Severity = Finding::Severity;
using testing::HasSubstr;
using tests::Server;

constexpr std::chrono::seconds kUsual{20};
constexpr std::size_t kEventBytes = 1 << 20;

std::vector<Finding> look(const std::string& brokers, const std::string& topic, Deadline deadline) {
  Section sink;
  sink.set("brokers", std::vector<std::string>{brokers}, "p.toml:1:1");
  const connectors::RouteTemplates route{.destination = topic, .routing_key = {}};
  return inspect(sink, std::span(&route, 1), kEventBytes, deadline);
}

const Finding* find(const std::vector<Finding>& findings, Severity severity, const std::string& subject) {
  for (const Finding& finding : findings) {
    if (finding.severity == severity && finding.subject == subject) return &finding;
  }
  return nullptr;
}

TEST(KafkaInspect, FindsATopicWithItsPartitions) {
  PENSTOCK_NEEDS(Server::kKafka);
  const std::string brokers = address_of(Server::kKafka), topic = tests::unique_name("inspect");
  tests::create_topic(brokers, topic, 3, {{"max.message.bytes", "2000000"}});
  const auto findings = look(brokers, topic, Deadline::in(kUsual));
  const auto* found = find(findings, Severity::kOk, "topic " + topic);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->message, "3 partitions");
  EXPECT_EQ(findings.size(), 2U);
}

TEST(KafkaInspect, PrintsTheCommandThatCreatesAMissingTopicAndCreatesNone) {
  PENSTOCK_NEEDS(Server::kKafka);
  const std::string brokers = address_of(Server::kKafka), topic = tests::unique_name("missing");
  for (int i = 0; i < 2; ++i) {
    const auto findings = look(brokers, topic, Deadline::in(kUsual));
    const auto* found = find(findings, Severity::kError, "topic " + topic);
    ASSERT_NE(found, nullptr);
    EXPECT_THAT(found->fix, HasSubstr("kafka-topics.sh --bootstrap-server " + brokers + " --create --topic " + topic));
  }
}

TEST(KafkaInspect, ComparesTheTopicsLimitWithTheLargestEvent) {
  PENSTOCK_NEEDS(Server::kKafka);
  const std::string brokers = address_of(Server::kKafka), topic = tests::unique_name("small");
  tests::create_topic(brokers, topic, 1, {{"max.message.bytes", "1000"}});
  std::vector<Finding> findings;
  // A broker may show a topic for a moment before its settings.
  ASSERT_TRUE(tests::eventually([&] {
    findings = look(brokers, topic, Deadline::in(kUsual));
    return find(findings, Severity::kWarning, "topic " + topic) != nullptr;
  }));
  const auto* found = find(findings, Severity::kWarning, "topic " + topic);
  EXPECT_THAT(found->message, HasSubstr("1000 bytes"));
  EXPECT_THAT(found->fix, HasSubstr("--add-config max.message.bytes=1114112"));
}

TEST(KafkaInspect, DoesNotLookForATopicWithPlaceholders) {
  PENSTOCK_NEEDS(Server::kKafka);
  EXPECT_EQ(look(tests::address_of(Server::kKafka), "outbox.event.{category}", Deadline::in(kUsual)).size(), 1U);
}

TEST(KafkaInspect, SaysInTimeThatNoBrokerAnswers) {
  const auto findings = look("127.0.0.1:1", "any", Deadline::in(std::chrono::milliseconds(500)));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Severity::kError);
  EXPECT_FALSE(findings[0].fix.empty());
}

}  // namespace
}  // namespace penstock::kafka
