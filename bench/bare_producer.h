// librdkafka as a bare program uses it, with the settings and the record of the Kafka sink, so that
// both sides do the same work at the broker.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/ids.h"

namespace penstock::bench {

struct BareRecord {
  std::string_view key, type, stream, content_type, value;
  EventId id;
  Timestamp occurred_at;
  std::optional<std::int64_t> version, position;
  std::string_view source_position;
};

class BareProducer {
 public:
  BareProducer(const std::string& brokers, const std::string& topic, std::int64_t linger_ms);
  ~BareProducer();
  BareProducer(const BareProducer&) = delete;
  BareProducer& operator=(const BareProducer&) = delete;

  // Copies; waits for room in the queue.
  void produce(const BareRecord& record);
  // Waits until everything is acknowledged; throws std::runtime_error if anything failed.
  void finish();

 private:
  static void count_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* producer);

  rd_kafka_t* client_;
  rd_kafka_topic_t* topic_;
  std::int64_t produced_ = 0, delivered_ = 0;
};

}  // namespace penstock::bench
