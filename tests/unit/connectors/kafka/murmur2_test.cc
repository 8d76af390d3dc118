// The vectors are those that Kafka's Java client tests its partitioner with.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <string>

#include "connectors/kafka/first_contact.h"

namespace penstock::kafka {
namespace {

struct Vector {
  std::string key;
  std::int32_t murmur2;
};

const Vector kVectors[] = {
    {"21", -973932308},
    {"foobar", -790332482},
    {"a-little-bit-long-string", -985981536},
    {"a-little-bit-longer-string", -1486304829},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    {"abc", 479470107},
};

// What Java does: Utils.toPositive(murmur2(key)) % partitions.
std::int32_t java_partition(std::int32_t hash, std::int32_t partitions) { return (hash & 0x7fffffff) % partitions; }

class Murmur2 : public testing::TestWithParam<Vector> {};

TEST_P(Murmur2, ChoosesThePartitionOfTheJavaClient) {
  const auto& [key, hash] = GetParam();
  for (const std::int32_t partitions : {1, 2, 3, 8, 12, 100, 1'000}) {
    FirstContact contact;
    EXPECT_EQ(choose_partition(nullptr, key.data(), key.size(), partitions, &contact, nullptr),
              java_partition(hash, partitions))
        << key << " of " << partitions;
  }
}

INSTANTIATE_TEST_SUITE_P(JavaVectors, Murmur2, testing::ValuesIn(kVectors));

TEST(Murmur2, GivesAnEmptyKeyOnePartition) {
  FirstContact contact;
  const auto first = choose_partition(nullptr, "", 0, 1'000, &contact, nullptr);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(choose_partition(nullptr, "", 0, 1'000, &contact, nullptr), first);
}

}  // namespace
}  // namespace penstock::kafka
