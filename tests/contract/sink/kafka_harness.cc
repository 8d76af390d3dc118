#include "tests/contract/sink/kafka_harness.h"

#include "connectors/kafka/native_wire.h"
#include "tests/support/kafka_topics.h"

namespace penstock::tests {
namespace {

constexpr int kPartitions = 4;

}  // namespace

KafkaHarness::KafkaHarness(std::string brokers, std::string topic, std::map<std::string, std::string> options)
    : brokers_(std::move(brokers)),
      topic_(std::move(topic)),
      settings_{brokers_, std::move(options)},
      surroundings_{clock_, random_, log_, "test"} {}

std::unique_ptr<connectors::Sink> KafkaHarness::make(connectors::OutcomeListener& listener) {
  const connectors::SinkRoute route{"suite", {.destination = topic_, .routing_key = {}}, {16 << 20, kEventLimit}};
  return kafka::make_kafka_sink(settings_, route, surroundings_, listener);
}

connectors::Message KafkaHarness::message(EventRef event) {
  connectors::MessageBuilder builder(event);
  kafka::native_wire().encode(*event, builder);
  builder.message().destination = topic_;
  builder.message().key = event->key;
  return std::move(builder).finish();
}

std::vector<kafka::ReadRecord> KafkaHarness::records(std::size_t count, Deadline deadline) {
  if (!reader_) {
    auto opened = kafka::RecordReader::open(brokers_, topic_, deadline);
    if (!opened) throw std::runtime_error(opened.error().describe());
    reader_ = std::move(*opened);
  }
  while (records_.size() < count && !deadline.expired()) {
    for (auto& record : reader_->read(deadline)) records_.push_back(std::move(record));
  }
  return records_;
}

std::vector<Landed> KafkaHarness::landed(std::size_t count, Deadline deadline) {
  std::vector<Landed> landed;
  for (const auto& record : records(count, deadline)) {
    landed.push_back({record.key.value_or(""), *EventId::parse(*record.header("id")), record.value});
  }
  return landed;
}

std::unique_ptr<MockKafkaHarness> MockKafkaHarness::start(std::map<std::string, std::string> options) {
  auto broker = kafka::DemoBroker::start();
  if (!broker) throw std::runtime_error(broker.error().describe());
  if (auto made = (*broker)->create_topic("suite", kPartitions); !made)
    throw std::runtime_error(made.error().describe());
  return std::unique_ptr<MockKafkaHarness>(new MockKafkaHarness(std::move(*broker), std::move(options)));
}

MockKafkaHarness::MockKafkaHarness(std::unique_ptr<kafka::DemoBroker> broker,
                                   std::map<std::string, std::string> options)
    : KafkaHarness(broker->address(), "suite", std::move(options)), broker_(std::move(broker)) {}

Possible MockKafkaHarness::hold() {
  broker_->set_delay(3'000);
  return Possible::kYes;
}

void MockKafkaHarness::release() { broker_->set_delay(0); }

Possible MockKafkaHarness::go_away() {
  broker_->set_down();
  return Possible::kYes;
}

void MockKafkaHarness::come_back() { broker_->set_up(); }

std::optional<EventRef> MockKafkaHarness::refused_event() {
  return event_for("refused", 0, std::string(kEventLimit + (128 << 10), 'x'));
}

std::unique_ptr<RealKafkaHarness> RealKafkaHarness::start(std::map<std::string, std::string> topic_configs,
                                                          std::map<std::string, std::string> options) {
  const std::string brokers = address_of(Server::kKafka);
  const std::string topic = unique_name("suite");
  create_topic(brokers, topic, kPartitions, topic_configs);
  return std::unique_ptr<RealKafkaHarness>(new RealKafkaHarness(brokers, topic, std::move(options)));
}

// Small enough for the client, too large for the topic: the broker's default is 1 MiB and 12 bytes.
std::optional<EventRef> RealKafkaHarness::refused_event() {
  return event_for("refused", 0, std::string(kEventLimit + 1'000, 'x'));
}

}  // namespace penstock::tests
