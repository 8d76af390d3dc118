#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

const SourceCheckpoint kFirst{"17", "7001", 1}, kSecond{"18..20,30", "7001", 2}, kThird{"40", "7001", 2};

TEST_P(SourceCheckpointContract, HasNoneAtFirst) {
  const auto loaded = store().source_checkpoints().load("orders");
  ASSERT_TRUE(loaded) << loaded.error().describe();
  EXPECT_FALSE(*loaded);
}

TEST_P(SourceCheckpointContract, AdvancesAndOutlivesARestart) {
  const Lease lease = take("route/orders-in");
  ASSERT_TRUE(store().source_checkpoints().advance(lease, "orders", std::nullopt, kFirst));
  ASSERT_TRUE(store().source_checkpoints().advance(lease, "orders", kFirst, kSecond));
  reopen();
  EXPECT_EQ(**store().source_checkpoints().load("orders"), kSecond);
  EXPECT_FALSE(*store().source_checkpoints().load("payments"));
}

TEST_P(SourceCheckpointContract, TakesTheSameAdvanceTwice) {
  const Lease lease = take("route/orders-in");
  for (int times = 0; times < 2; ++times) {
    const auto advanced = store().source_checkpoints().advance(lease, "orders", std::nullopt, kFirst);
    ASSERT_TRUE(advanced) << advanced.error().describe();
  }
  ASSERT_TRUE(store().source_checkpoints().advance(lease, "orders", kFirst, kSecond));
  ASSERT_TRUE(store().source_checkpoints().advance(lease, "orders", kFirst, kSecond));
}

TEST_P(SourceCheckpointContract, RefusesAnAdvanceFromElsewhere) {
  const Lease lease = take("route/orders-in");
  EXPECT_EQ(code_of(store().source_checkpoints().advance(lease, "orders", kFirst, kSecond)), "store.corrupt");
  ASSERT_TRUE(store().source_checkpoints().advance(lease, "orders", std::nullopt, kFirst));
  EXPECT_EQ(code_of(store().source_checkpoints().advance(lease, "orders", kSecond, kThird)), "store.corrupt");
  EXPECT_EQ(code_of(store().source_checkpoints().advance(lease, "orders", std::nullopt, kThird)), "store.corrupt");
  EXPECT_EQ(**store().source_checkpoints().load("orders"), kFirst);
}

TEST_P(SourceCheckpointContract, RefusesWhoLostTheLease) {
  const Lease lease = take("route/orders-in");
  const Lease stranger{lease.name, "somebody-else", lease.epoch};
  EXPECT_EQ(code_of(store().source_checkpoints().advance(stranger, "orders", std::nullopt, kFirst)), "store.fenced");
  EXPECT_FALSE(*store().source_checkpoints().load("orders"));
}

}  // namespace
}  // namespace penstock::tests
