#include "tests/contract/sink/rabbit_harness.h"
#include "tests/contract/sink/sink_contract.h"

namespace penstock::tests {
namespace {

INSTANTIATE_TEST_SUITE_P(Rabbit, SinkContract,
                         testing::Values(SinkKit{"Real", [] { return std::make_unique<RabbitHarness>(); },
                                                 Server::kRabbitMq}),
                         kit_name);

}  // namespace
}  // namespace penstock::tests
