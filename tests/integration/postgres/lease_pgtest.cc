#include "tests/integration/postgres/store_fixture.h"

namespace penstock::store::postgres {
namespace {

class PostgresLease : public StoreFixture {
 protected:
  void end_sessions_of(const std::string& instance) {
    execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'penstock " + instance +
            " leases' AND datname = current_database()");
    wait_for(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        "0");
  }
  std::string locked() { return value("SELECT locked FROM penstock.leases WHERE name = 'route/a'"); }
  void expire() { execute("UPDATE penstock.leases SET expires_at = clock_timestamp()"); }
};

TEST_F(PostgresLease, GoesToAnotherAtOnceWhenTheSessionOfItsOwnerHasEnded) {
  auto first = open_migrated();
  const auto lease = first->leases().take("route/a", "first");
  ASSERT_TRUE(lease);
  EXPECT_EQ(locked(), "t");
  end_sessions_of("test");
  const auto taken = open()->leases().take("route/a", "second");
  ASSERT_TRUE(taken) << taken.error().describe();
  EXPECT_EQ(code_of(first->leases().renew(*lease)), "store.fenced");
}

TEST_F(PostgresLease, IsKeptByAnOwnerThatCameBackFirst) {
  auto first = open_migrated(), second = open();
  const auto lease = first->leases().take("route/a", "first");
  end_sessions_of("test");
  ASSERT_EQ(code_of(first->leases().renew(*lease)), "ok");
  EXPECT_EQ(locked(), "t");
  EXPECT_EQ(code_of(second->leases().take("route/a", "second")), "relay.standby");
}

TEST_F(PostgresLease, OfAPausedOwnerIsTakenOnlyWhenItExpires) {
  auto paused = open_migrated(), second = open();
  const auto former = paused->leases().take("route/a", "paused");
  EXPECT_EQ(code_of(second->leases().take("route/a", "second")), "relay.standby");
  expire();
  const auto lease = second->leases().take("route/a", "second");
  ASSERT_TRUE(lease);
  // The paused owner's session still has the lock, so this row must not look abandoned to a third.
  EXPECT_EQ(locked(), "f");
  EXPECT_EQ(code_of(paused->leases().renew(*former)), "store.fenced");
  EXPECT_EQ(code_of(second->leases().renew(*lease)), "ok");
  EXPECT_EQ(locked(), "t");
}

TEST_F(PostgresLease, WithoutItsLockIsNotTakenThoughTheLockIsFree) {
  auto first = open_migrated();
  ASSERT_TRUE(first->leases().take("route/a", "first"));
  end_sessions_of("test");
  execute("UPDATE penstock.leases SET locked = false");
  auto second = open();
  EXPECT_EQ(code_of(second->leases().take("route/a", "second")), "relay.standby");
  expire();
  EXPECT_EQ(code_of(second->leases().take("route/a", "second")), "ok");
}

TEST_F(PostgresLease, KeepsACheckpointFromMovingUnderAFormerOwner) {
  auto first = open_migrated(), second = open();
  append_all(*first, {request("order-1", 3)});
  const auto former = first->leases().take("route/a", "first");
  ASSERT_TRUE(first->checkpoints().create(*former, "a", Position{0}));
  expire();
  ASSERT_TRUE(second->leases().take("route/a", "second"));
  EXPECT_EQ(code_of(first->checkpoints().advance(*former, "a", Position{0}, Position{2})), "store.fenced");
  EXPECT_EQ((*first->checkpoints().load("a"))->position, Position{0});
}

// The call that moves it may be the first that meets the other log.
TEST_F(PostgresLease, KeepsACheckpointFromMovingOnAnotherLogThanItsRouteGoesBy) {
  auto store = open_migrated();
  append_all(*store, {request("order-1", 3)});
  const auto lease = store->leases().take("route/a", "test");
  ASSERT_TRUE(store->checkpoints().create(*lease, "a", Position{0}));
  Settled to(Position{2});
  to.generation = store->log().generation();
  execute("UPDATE penstock.head SET incarnation = incarnation + 1");
  execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'penstock test state'");
  EXPECT_EQ(code_of(store->checkpoints().advance(*lease, "a", Position{0}, to)), "store.fenced");
  EXPECT_GT(store->log().generation(), to.generation);
  EXPECT_EQ((*store->checkpoints().load("a"))->position, Position{0});
}

}  // namespace
}  // namespace penstock::store::postgres
