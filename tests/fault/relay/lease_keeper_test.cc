#include "relay/lease_keeper.h"

#include <gtest/gtest.h>

#include "tests/support/memory_store.h"

namespace penstock::relay {
namespace {

using namespace std::chrono_literals;

class LeaseKeeperTest : public testing::Test {
 protected:
  // The next news of this kind; others before it are dropped.
  template <typename News>
  std::optional<News> next_news() {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < until) {
      RouteInbox::Post post;
      inbox_.take(post, until);
      for (LeaseNews& news : post.lease)
        if (auto* wanted = std::get_if<News>(&news)) return std::move(*wanted);
    }
    return std::nullopt;
  }

  SystemClock clock_;
  std::shared_ptr<tests::MemoryDatabase> database_ = std::make_shared<tests::MemoryDatabase>(clock_);
  tests::MemoryStore store_{database_};
  RouteInbox inbox_;
  LeaseKeeper keeper_{store_.leases(), clock_, "me"};
  LeasePort& port_ = keeper_.add_route("one", inbox_);
};

TEST_F(LeaseKeeperTest, TakesAndThenRenewsEachSecond) {
  const SteadyTime before = clock_.now();
  port_.take();
  const auto taken = next_news<LeaseTaken>();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->lease.name, "route/one");
  EXPECT_GE(taken->trusted_until, before + store::kLeaseTrust);
  const auto renewed = next_news<LeaseRenewed>();
  ASSERT_TRUE(renewed);
  EXPECT_EQ(renewed->epoch, taken->lease.epoch);
  EXPECT_GE(renewed->trusted_until, taken->trusted_until + 900ms);
}

TEST_F(LeaseKeeperTest, SaysWhoHoldsALeaseThatIsRefused) {
  tests::MemoryStore other(database_);
  ASSERT_TRUE(other.leases().take("route/one", "somebody-else"));
  port_.take();
  const auto refused = next_news<LeaseRefused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(&refused->error.code(), &codes::kRelayStandby);
  EXPECT_NE(refused->error.message().find("somebody-else"), std::string::npos);
}

TEST_F(LeaseKeeperTest, KeepsTryingToRenewWhileTheStoreIsAway) {
  port_.take();
  ASSERT_TRUE(next_news<LeaseTaken>());
  database_->go_away();
  ASSERT_TRUE(next_news<LeaseNotRenewed>());
  database_->come_back();
  EXPECT_TRUE(next_news<LeaseRenewed>());
}

TEST_F(LeaseKeeperTest, TellsThatALeaseWasLost) {
  port_.take();
  ASSERT_TRUE(next_news<LeaseTaken>());
  store_.end_session();
  tests::MemoryStore other(database_);
  ASSERT_TRUE(other.leases().take("route/one", "somebody-else"));
  EXPECT_TRUE(next_news<LeaseLost>());
}

TEST_F(LeaseKeeperTest, ReleasesForTheNextOne) {
  port_.take();
  const auto taken = next_news<LeaseTaken>();
  ASSERT_TRUE(taken);
  port_.release(taken->lease);
  ASSERT_TRUE(next_news<LeaseReleased>());
  tests::MemoryStore other(database_);
  EXPECT_TRUE(other.leases().take("route/one", "somebody-else"));
}

}  // namespace
}  // namespace penstock::relay
