#include "tests/contract/sink/kafka_harness.h"
#include "tests/contract/sink/sink_contract.h"

namespace penstock::tests {
namespace {

INSTANTIATE_TEST_SUITE_P(KafkaMock, SinkContract,
                         testing::Values(SinkKit{"Mock", [] { return MockKafkaHarness::start(); }}), kit_name);

}  // namespace
}  // namespace penstock::tests
