#include "connectors/kafka/first_contact.h"

#include <algorithm>

namespace penstock::kafka {
namespace {

std::size_t index_of(const rd_kafka_topic_t* topic, std::string_view key, std::size_t partitions) {
  const auto count = static_cast<std::int32_t>(partitions);
  const void* bytes = key.data() == nullptr ? "" : key.data();
  return static_cast<std::size_t>(rd_kafka_msg_partitioner_murmur2(topic, bytes, key.size(), count, nullptr, nullptr));
}

}  // namespace

FirstContact::May FirstContact::may_send(const rd_kafka_topic_t* topic, std::optional<std::string_view> key) const {
  if (!key || all_known_.load(std::memory_order_acquire) > 0) return May::kSend;
  std::lock_guard lock(mutex_);
  if (partitions_.empty()) return one_unassigned_ ? May::kWait : May::kSend;
  return partitions_[index_of(topic, *key, partitions_.size())] == Partition::kOneOnItsWay ? May::kWait : May::kSend;
}

void FirstContact::sent(std::optional<std::string_view> key) {
  if (!key || all_known_.load(std::memory_order_acquire) > 0) return;
  std::lock_guard lock(mutex_);
  if (partitions_.empty()) one_unassigned_ = true;
}

void FirstContact::assigned(std::int32_t partition, std::int32_t partitions) {
  if (all_known_.load(std::memory_order_acquire) == partitions) return;
  std::lock_guard lock(mutex_);
  const auto count = static_cast<std::size_t>(partitions);
  // Fewer than before is another topic of the same name.
  if (count < partitions_.size()) partitions_.clear();
  partitions_.resize(count, Partition::kUntouched);
  unknown_ = static_cast<std::size_t>(
      std::count_if(partitions_.begin(), partitions_.end(), [](Partition one) { return one != Partition::kKnown; }));
  all_known_.store(unknown_ == 0 ? partitions : 0, std::memory_order_release);
  auto& chosen = partitions_[static_cast<std::size_t>(partition)];
  if (chosen == Partition::kUntouched) chosen = Partition::kOneOnItsWay;
}

void FirstContact::acknowledged(std::int32_t partition) {
  if (all_known_.load(std::memory_order_acquire) > 0) return;
  std::lock_guard lock(mutex_);
  const auto index = static_cast<std::size_t>(partition);
  if (index >= partitions_.size() || partitions_[index] == Partition::kKnown) return;
  partitions_[index] = Partition::kKnown;
  if (--unknown_ == 0) {
    all_known_.store(static_cast<std::int32_t>(partitions_.size()), std::memory_order_release);
  }
}

std::int32_t choose_partition(const rd_kafka_topic_t* topic, const void* key, std::size_t key_bytes,
                              std::int32_t partitions, void* contact, void* message) {
  const auto partition = rd_kafka_msg_partitioner_murmur2_random(topic, key, key_bytes, partitions, nullptr, message);
  if (key != nullptr && partition >= 0) static_cast<FirstContact*>(contact)->assigned(partition, partitions);
  return partition;
}

}  // namespace penstock::kafka
