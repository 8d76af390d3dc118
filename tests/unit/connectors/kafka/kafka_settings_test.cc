#include "connectors/kafka/kafka_settings.h"

#include <gmock/gmock.h>

#include "connectors/kafka/producer_conf.h"

namespace penstock::kafka {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

Section section(std::vector<std::string> brokers, std::map<std::string, std::string> options = {}) {
  Section sink;
  sink.set_header_place("p.toml:1:1");
  sink.set("brokers", std::move(brokers), "p.toml:3:1");
  for (const auto& [name, value] : options) sink.set_member_place("options." + name, "p.toml:5:3");
  sink.set("options", std::move(options), "p.toml:4:1");
  return sink;
}

std::string value_of(const rd_kafka_conf_t* conf, const char* name) {
  char text[512];
  std::size_t size = sizeof text;
  return rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK ? text : "?";
}

Conf conf_of(std::map<std::string, std::string> options, BatchLimits batches = {}) {
  auto conf = producer_conf({"127.0.0.1:9092", std::move(options)}, {16 << 20, 1 << 20}, batches, "test");
  EXPECT_TRUE(conf);
  return std::move(*conf);
}

TEST(KafkaSettings, AcceptBrokersAndOrdinaryOptions) {
  EXPECT_THAT(check_settings(section({"127.0.0.1:9092", "kafka-2:9092"},
                                     {{"linger.ms", "5"}, {"compression.type", "lz4"}, {"security.protocol", "ssl"}})),
              IsEmpty());
}

TEST(KafkaSettings, JoinTheBrokers) { EXPECT_EQ(read_settings(section({"a:1", "b:2"})).brokers, "a:1,b:2"); }

TEST(KafkaSettings, RefuseAnEmptyListOfBrokersAtItsPlace) {
  const auto errors = check_settings(section({}));
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_EQ(errors[0].place, "p.toml:3:1");
}

TEST(KafkaSettings, RefuseABrokerThatIsTwo) { EXPECT_THAT(check_settings(section({"a:1,b:2"})), SizeIs(1)); }

Section route_to(const std::string& topic) {
  Section route;
  route.set("topic", topic, "p.toml:9:1");
  return route;
}

TEST(KafkaSettings, RefuseATopicThatNoBrokerWouldTake) {
  EXPECT_THAT(check_route(route_to("outbox.event.{category}-{metadata.a b}_1")), IsEmpty());
  const std::string legal(249, 'a');
  EXPECT_THAT(check_route(route_to(legal)), IsEmpty());
  for (const std::string& topic : {std::string("a b"), std::string("a/{type}"), std::string(), legal + "a"}) {
    const auto errors = check_route(route_to(topic));
    ASSERT_THAT(errors, SizeIs(1)) << topic;
    EXPECT_EQ(errors[0].place, "p.toml:9:1");
    EXPECT_THAT(errors[0].message, HasSubstr("expected letters, digits"));
  }
}

class RefusedOption : public testing::TestWithParam<const char*> {};

TEST_P(RefusedOption, IsRefusedByNameAtItsPlaceWithTheReason) {
  const auto errors = check_settings(section({"a:1"}, {{GetParam(), "1"}}));
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_EQ(errors[0].place, "p.toml:5:3");
  EXPECT_THAT(errors[0].message, AllOf(HasSubstr(GetParam()), HasSubstr("can't be set here: ")));
}

INSTANTIATE_TEST_SUITE_P(All, RefusedOption,
                         testing::Values("acks", "bootstrap.servers", "delivery.report.only.error",
                                         "delivery.timeout.ms", "enable.gapless.guarantee", "enable.idempotence",
                                         "interceptors", "log.queue", "max.in.flight",
                                         "max.in.flight.requests.per.connection", "message.max.bytes",
                                         "message.send.max.retries", "message.timeout.ms", "metadata.broker.list",
                                         "partitioner", "plugin.library.paths",
                                         "queue.buffering.backpressure.threshold", "queue.buffering.max.kbytes",
                                         "queue.buffering.max.messages", "queuing.strategy", "reconnect.backoff.max.ms",
                                         "request.required.acks", "retries", "test.mock.broker.rtt",
                                         "test.mock.num.brokers", "transaction.timeout.ms", "transactional.id"));

TEST(KafkaSettings, RefuseAPropertyThatLibrdkafkaDoesNotKnow) {
  const auto errors = check_settings(section({"a:1"}, {{"linger.mss", "5"}}));
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_THAT(errors[0].message, HasSubstr("\"linger.mss\" is no property of librdkafka"));
}

TEST(KafkaSettings, RefuseAValueThatLibrdkafkaCannotRead) {
  const auto errors = check_settings(section({"a:1"}, {{"linger.ms", "soon"}}));
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_THAT(errors[0].message, HasSubstr("linger.ms"));
}

TEST(KafkaSettings, NeverShowASecretValue) {
  const auto errors = check_settings(
      section({"a:1"}, {{"sasl.oauthbearer.config", std::string("s3cret\0", 7)}, {"ssl.key.pem", "s3cret"}}));
  for (const auto& error : errors) EXPECT_THAT(error.message, Not(HasSubstr("s3cret")));
}

TEST(KafkaSettings, SetWhatThePromisesStandOn) {
  const Conf conf = conf_of({{"linger.ms", "7"}});
  EXPECT_EQ(value_of(conf.get(), "enable.idempotence"), "true");
  EXPECT_EQ(value_of(conf.get(), "enable.gapless.guarantee"), "true");
  EXPECT_EQ(value_of(conf.get(), "request.required.acks"), "-1");
  EXPECT_EQ(value_of(conf.get(), "message.timeout.ms"), "0");
  EXPECT_EQ(value_of(conf.get(), "reconnect.backoff.max.ms"), "2000");
  EXPECT_EQ(value_of(conf.get(), "linger.ms"), "7");
}

TEST(KafkaSettings, LeaveRoomForHeadersInARecord) {
  EXPECT_EQ(value_of(conf_of({}).get(), "message.max.bytes"), std::to_string((1 << 20) + (64 << 10)));
}

TEST(KafkaSettings, BoundTheQueueAboveTheWindow) {
  EXPECT_GT(std::stoll(value_of(conf_of({}).get(), "queue.buffering.max.kbytes")) * 1024, 16 << 20);
}

TEST(KafkaSettings, LetARefusedBatchBeSentInSmallerOnes) {
  const Conf conf = conf_of({{"batch.size", "500000"}}, {.bytes = 1'000, .records = 1});
  EXPECT_EQ(value_of(conf.get(), "batch.size"), "1000");
  EXPECT_EQ(value_of(conf.get(), "batch.num.messages"), "1");
}

}  // namespace
}  // namespace penstock::kafka
