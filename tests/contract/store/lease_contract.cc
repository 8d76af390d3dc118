#include <atomic>
#include <thread>

#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

TEST_P(LeaseContract, IsTakenByOneOwner) {
  const Lease lease = take("route/a", "instance-a");
  EXPECT_EQ(lease.name, "route/a");
  EXPECT_EQ(lease.owner, "instance-a");
  const auto other = open_another();
  const auto refused = other->leases().take("route/a", "instance-b");
  ASSERT_FALSE(refused);
  EXPECT_EQ(code_of(refused), "relay.standby");
  EXPECT_NE(refused.error().message().find("instance-a"), std::string::npos) << refused.error().message();
}

TEST_P(LeaseContract, KeepsNamesApart) {
  take("route/a", "instance-a");
  const auto other = open_another();
  EXPECT_EQ(code_of(other->leases().take("route/b", "instance-b")), "ok");
  EXPECT_EQ(code_of(other->leases().take("route/A", "instance-b")), "ok");
}

TEST_P(LeaseContract, IsRenewed) {
  const Lease lease = take("route/a");
  backend().age(store::kLeaseDuration - std::chrono::seconds(1));
  ASSERT_TRUE(store().leases().renew(lease));
  backend().age(store::kLeaseDuration - std::chrono::seconds(1));
  EXPECT_EQ(code_of(open_another()->leases().take("route/a", "instance-b")), "relay.standby");
}

TEST_P(LeaseContract, IsNotTakenBeforeItExpires) {
  take("route/a");
  backend().age(store::kLeaseDuration - std::chrono::seconds(2));
  EXPECT_EQ(code_of(open_another()->leases().take("route/a", "instance-b")), "relay.standby");
}

TEST_P(LeaseContract, IsTakenFromAnOwnerThatStoppedRenewing) {
  const Lease former = take("route/a", "instance-a");
  backend().age(store::kLeaseDuration + std::chrono::seconds(1));
  const auto other = open_another();
  const auto lease = other->leases().take("route/a", "instance-b");
  ASSERT_TRUE(lease) << lease.error().describe();
  EXPECT_GT(lease->epoch, former.epoch);
  EXPECT_EQ(code_of(store().leases().renew(former)), "store.fenced");
  EXPECT_EQ(code_of(other->leases().renew(*lease)), "ok");
}

TEST_P(LeaseContract, StaysWithANewOwnerWhenTheFormerOneComesBack) {
  take("route/a", "instance-a");
  backend().age(store::kLeaseDuration + std::chrono::seconds(1));
  const auto other = open_another();
  ASSERT_TRUE(other->leases().take("route/a", "instance-b"));
  EXPECT_EQ(code_of(store().leases().take("route/a", "instance-a")), "relay.standby");
}

TEST_P(LeaseContract, IsRenewedThoughItExpiredWhenNobodyTookIt) {
  const Lease lease = take("route/a");
  backend().age(store::kLeaseDuration * 3);
  EXPECT_EQ(code_of(store().leases().renew(lease)), "ok");
  EXPECT_EQ(code_of(open_another()->leases().take("route/a", "instance-b")), "relay.standby");
}

TEST_P(LeaseContract, IsFreeAtOnceWhenGivenBack) {
  const Lease former = take("route/a", "instance-a");
  ASSERT_TRUE(store().leases().release(former));
  const auto other = open_another();
  const auto lease = other->leases().take("route/a", "instance-b");
  ASSERT_TRUE(lease) << lease.error().describe();
  EXPECT_GT(lease->epoch, former.epoch);
  EXPECT_EQ(code_of(store().leases().renew(former)), "store.fenced");
}

TEST_P(LeaseContract, IsFreeAtOnceWhenTheSessionOfItsOwnerEnds) {
  const auto other = open_another();
  const Lease former = take("route/a", "instance-a");
  close();
  const auto lease = other->leases().take("route/a", "instance-b");
  ASSERT_TRUE(lease) << lease.error().describe();
  EXPECT_GT(lease->epoch, former.epoch);
}

TEST_P(LeaseContract, SurvivesThatALostLeaseIsGivenBack) {
  const Lease former = take("route/a", "instance-a");
  backend().age(store::kLeaseDuration + std::chrono::seconds(1));
  const auto other = open_another();
  const auto lease = other->leases().take("route/a", "instance-b");
  ASSERT_TRUE(lease);
  EXPECT_EQ(code_of(store().leases().release(former)), "ok");
  EXPECT_EQ(code_of(other->leases().renew(*lease)), "ok");
}

TEST_P(LeaseContract, IsTakenAgainByItsOwnerUnderANewEpoch) {
  const Lease first = take("route/a", "instance-a"), second = take("route/a", "instance-a");
  EXPECT_GT(second.epoch, first.epoch);
  EXPECT_EQ(code_of(store().leases().renew(first)), "store.fenced");
  EXPECT_EQ(code_of(store().leases().renew(second)), "ok");
}

TEST_P(LeaseContract, GoesToOneOfManyThatWantIt) {
  std::vector<std::unique_ptr<store::Store>> programs;
  for (int i = 0; i < 4; ++i) programs.push_back(open_another());
  std::atomic<int> taken = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, i] {
        const auto lease =
            programs[static_cast<std::size_t>(i)]->leases().take("route/a", "instance-" + std::to_string(i));
        if (!lease) {
          EXPECT_EQ(code_of(lease), "relay.standby");
        }
        taken += lease.has_value();
      });
  }
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace penstock::tests
