#include "tests/contract/sink/kafka_harness.h"
#include "tests/contract/sink/sink_contract.h"

namespace penstock::tests {
namespace {

INSTANTIATE_TEST_SUITE_P(Kafka, SinkContract,
                         testing::Values(SinkKit{"Real", [] { return RealKafkaHarness::start(); }, Server::kKafka}),
                         kit_name);

}  // namespace
}  // namespace penstock::tests
