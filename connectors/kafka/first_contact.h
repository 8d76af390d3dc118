// One record at a time into a partition until the broker has acknowledged the first.
//
// A broker checks the sequence numbers of an idempotent producer only in partitions where it knows the
// producer; as long as it doesn't, it takes any number (Kafka: ProducerAppendInfo.checkSequence). So
// if the first of two batches on their way is refused, the second still gets in, and an event would be
// delivered before the one that it follows. After the first acknowledgement the broker itself refuses
// the second. One object a topic and producer. Only for this room.
//
// Threads: may_send and sent are of the thread that submits; the others are called by librdkafka's
// threads.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace penstock::kafka {

class FirstContact {
 public:
  enum class May { kSend, kWait };

  // kWait: an outcome in this topic is due; ask again then. A null key is ordered with nothing.
  May may_send(const rd_kafka_topic_t* topic, std::optional<std::string_view> key) const;
  void sent(std::optional<std::string_view> key);

  // A keyed record was given to a partition.
  void assigned(std::int32_t partition, std::int32_t partitions);
  void acknowledged(std::int32_t partition);

 private:
  enum class Partition : std::uint8_t { kUntouched, kOneOnItsWay, kKnown };

  mutable std::mutex mutex_;
  std::atomic<std::int32_t> all_known_{0};  // number of partitions when every one is known, else 0
  // Under mutex_:
  bool one_unassigned_ = false;  // sent before the number of partitions was known
  std::vector<Partition> partitions_;
  std::size_t unknown_ = 0;
};

// The partition that Java clients choose for the key; a random one for a null key. Tells the
// FirstContact that is the topic's opaque.
std::int32_t choose_partition(const rd_kafka_topic_t* topic, const void* key, std::size_t key_bytes,
                              std::int32_t partitions, void* contact, void* message);

}  // namespace penstock::kafka
