// Kafka as the other side of the sink suite: a topic of its own for each test.
#pragma once

#include "connectors/kafka/demo_broker.h"
#include "connectors/kafka/kafka_sink.h"
#include "connectors/kafka/record_reader.h"
#include "core/random.h"
#include "tests/contract/sink/sink_harness.h"
#include "tests/support/recording_log.h"

namespace penstock::tests {

inline constexpr std::size_t kEventLimit = 1 << 20;

class KafkaHarness : public SinkHarness {
 public:
  // The topic exists already.
  KafkaHarness(std::string brokers, std::string topic, std::map<std::string, std::string> options = {});

  std::unique_ptr<connectors::Sink> make(connectors::OutcomeListener& listener) override;
  connectors::Message message(EventRef event) override;
  std::vector<Landed> landed(std::size_t count, Deadline deadline) override;

  std::vector<kafka::ReadRecord> records(std::size_t count, Deadline deadline);
  const std::string& topic() const { return topic_; }
  RecordingLog& log() { return log_; }

 private:
  const std::string brokers_, topic_;
  const kafka::KafkaSettings settings_;
  SystemClock clock_;
  SystemRandom random_;
  RecordingLog log_;
  connectors::Surroundings surroundings_;
  std::unique_ptr<kafka::RecordReader> reader_;
  std::vector<kafka::ReadRecord> records_;
};

// On the broker in this process: every fault but those of sequence numbers.
class MockKafkaHarness final : public KafkaHarness {
 public:
  static std::unique_ptr<MockKafkaHarness> start(std::map<std::string, std::string> options = {});

  Possible hold() override;
  void release() override;
  Possible go_away() override;
  void come_back() override;
  std::optional<EventRef> refused_event() override;

  kafka::DemoBroker& broker() { return *broker_; }

 private:
  MockKafkaHarness(std::unique_ptr<kafka::DemoBroker> broker, std::map<std::string, std::string> options);
  std::unique_ptr<kafka::DemoBroker> broker_;
};

// On the broker of PENSTOCK_TEST_KAFKA.
class RealKafkaHarness final : public KafkaHarness {
 public:
  static std::unique_ptr<RealKafkaHarness> start(std::map<std::string, std::string> topic_configs = {},
                                                 std::map<std::string, std::string> options = {});
  std::optional<EventRef> refused_event() override;

 private:
  using KafkaHarness::KafkaHarness;
};

}  // namespace penstock::tests
