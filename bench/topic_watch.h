// How many records a topic holds, by its partitions' end offsets.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <string>

namespace penstock::bench {

class TopicWatch {
 public:
  TopicWatch(const std::string& brokers, std::string topic);
  ~TopicWatch();
  TopicWatch(const TopicWatch&) = delete;
  TopicWatch& operator=(const TopicWatch&) = delete;

  std::int64_t records();

 private:
  rd_kafka_t* client_;
  const std::string topic_;
  int partitions_ = 0;
};

}  // namespace penstock::bench
