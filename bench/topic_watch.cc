#include "bench/topic_watch.h"

#include <chrono>
#include <stdexcept>

namespace penstock::bench {
namespace {

constexpr int kPatienceMs = 10'000;

int partitions_of(rd_kafka_t* client, const std::string& topic) {
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  const struct rd_kafka_metadata* metadata = nullptr;
  const auto error = rd_kafka_metadata(client, 0, handle, &metadata, kPatienceMs);
  const int partitions = error == RD_KAFKA_RESP_ERR_NO_ERROR ? metadata->topics[0].partition_cnt : 0;
  if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  if (partitions == 0) throw std::runtime_error("topic " + topic + " is not there: " + rd_kafka_err2str(error));
  return partitions;
}

}  // namespace

TopicWatch::TopicWatch(const std::string& brokers, std::string topic) : topic_(std::move(topic)) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[256];
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), reason, sizeof reason);
  client_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
  if (client_ == nullptr) throw std::runtime_error(reason);
  partitions_ = partitions_of(client_, topic_);
}

TopicWatch::~TopicWatch() { rd_kafka_destroy(client_); }

std::int64_t TopicWatch::records() {
  std::int64_t sum = 0;
  for (int partition = 0; partition < partitions_; ++partition) {
    std::int64_t low = 0, high = 0;
    auto error = rd_kafka_query_watermark_offsets(client_, topic_.c_str(), partition, &low, &high, kPatienceMs);
    // A topic that was created a moment ago has partitions without a leader yet.
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
    while (error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION && std::chrono::steady_clock::now() < give_up)
      error = rd_kafka_query_watermark_offsets(client_, topic_.c_str(), partition, &low, &high, kPatienceMs);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(error));
    sum += high - low;
  }
  return sum;
}

}  // namespace penstock::bench
