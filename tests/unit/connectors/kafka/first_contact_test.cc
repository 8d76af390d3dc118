#include "connectors/kafka/first_contact.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::kafka {
namespace {

using May = FirstContact::May;

constexpr std::int32_t kPartitions = 4;

// As librdkafka does when a record is produced and the topic is known.
std::int32_t send(FirstContact& contact, const std::string& key, std::int32_t partitions = kPartitions) {
  const auto partition = choose_partition(nullptr, key.data(), key.size(), partitions, &contact, nullptr);
  contact.sent(key);
  return partition;
}

TEST(FirstContact, SendsOneRecordWhileThePartitionsAreUnknown) {
  FirstContact contact;
  EXPECT_EQ(contact.may_send(nullptr, "a"), May::kSend);
  contact.sent("a");
  EXPECT_EQ(contact.may_send(nullptr, "a"), May::kWait);
  EXPECT_EQ(contact.may_send(nullptr, "b"), May::kWait);
}

TEST(FirstContact, SendsOneRecordIntoAPartitionUntilItIsAcknowledged) {
  FirstContact contact;
  const auto partition = send(contact, "a");
  EXPECT_EQ(contact.may_send(nullptr, "a"), May::kWait);
  contact.acknowledged(partition);
  EXPECT_EQ(contact.may_send(nullptr, "a"), May::kSend);
}

TEST(FirstContact, LetsAnotherPartitionHaveItsFirstRecordMeanwhile) {
  FirstContact contact;
  const auto taken = send(contact, "a");
  int other = 0;
  for (int i = 0; i < 100; ++i) {
    if (contact.may_send(nullptr, std::to_string(i)) == May::kSend) ++other;
  }
  EXPECT_GT(other, 50) << "only partition " << taken << " waits";
}

TEST(FirstContact, NeverHoldsBackARecordWithoutKey) {
  FirstContact contact;
  contact.sent("a");
  EXPECT_EQ(contact.may_send(nullptr, std::nullopt), May::kSend);
}

TEST(FirstContact, HoldsNothingBackOnceEveryPartitionIsKnown) {
  FirstContact contact;
  for (int i = 0; i < 100; ++i) send(contact, std::to_string(i));
  for (std::int32_t partition = 0; partition < kPartitions; ++partition) contact.acknowledged(partition);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(contact.may_send(nullptr, std::to_string(i)), May::kSend);
}

TEST(FirstContact, BeginsAnewInPartitionsThatAreAdded) {
  FirstContact contact;
  send(contact, "a");
  for (std::int32_t partition = 0; partition < kPartitions; ++partition) contact.acknowledged(partition);
  std::string key;
  std::int32_t partition = 0;
  for (int i = 0; partition < kPartitions; ++i) partition = send(contact, key = std::to_string(i), 2 * kPartitions);
  EXPECT_EQ(contact.may_send(nullptr, key), May::kWait);
  contact.acknowledged(partition);
  EXPECT_EQ(contact.may_send(nullptr, key), May::kSend);
}

}  // namespace
}  // namespace penstock::kafka
