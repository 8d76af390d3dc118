#include <atomic>
#include <future>
#include <thread>

#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

TEST_P(StoreLifeContract, HasNothingLeftToMigrate) {
  const auto plan = store().plan_migration();
  ASSERT_TRUE(plan) << plan.error().describe();
  EXPECT_TRUE(plan->pending.empty());
}

TEST_P(StoreLifeContract, MigratesOnceHoweverOftenItIsAsked) {
  fill("order-1", 2);
  ASSERT_TRUE(store().migrate());
  EXPECT_EQ(store().log().head(), Position{2});
}

TEST_P(StoreLifeContract, KeepsItsIdentity) {
  const auto identity = store().identity();
  ASSERT_TRUE(identity) << identity.error().describe();
  EXPECT_FALSE(identity->system_identifier.empty());
  EXPECT_GE(identity->incarnation, 1);
  reopen();
  EXPECT_EQ(*store().identity(), *identity);
  EXPECT_EQ(*open_another()->identity(), *identity);
}

TEST_P(StoreLifeContract, KeepsEverythingOverARestart) {
  ASSERT_TRUE(append(lettered("order-1", "ab")));
  reopen();
  fill("order-1", 1);
  EXPECT_EQ(positions_of(read_log()), numbers(1, 3));
  EXPECT_EQ(versions_of(read_whole_stream("order-1")), numbers(0, 2));
}

TEST_P(StoreLifeContract, AnswersAnAppendAfterItsDeadlineWithoutTryingIt) {
  const auto answer =
      store().events().append_and_wait(request({event({.stream = "order-1"})}), Deadline::in(std::chrono::seconds(0)));
  EXPECT_EQ(code_of(answer), "core.timeout");
  EXPECT_EQ(store().log().head(), Position{0});
}

TEST_P(StoreLifeContract, AnswersEveryAppendBeforeItEnds) {
  constexpr int kAppends = 500;
  std::atomic<int> answered = 0, written = 0;
  for (int i = 0; i < kAppends; ++i)
    store().events().append(request({event({.stream = "order-1"})}), soon(), [&](Result<store::AppendReceipt> answer) {
      ++answered;
      written += answer.has_value();
      if (!answer) {
        EXPECT_EQ(code_of(answer), "core.stopped");
      }
    });
  reopen();
  EXPECT_EQ(answered, kAppends);
  EXPECT_EQ(store().log().head(), Position{written});
}

TEST_P(StoreLifeContract, AnswersEachCallWhileTheDatabaseIsAway) {
  close();
  backend().take_away();
  const auto away = backend().open({});
  const Lease lease{"route/a", "instance-a", Epoch{1}};
  const std::string code = "store.unavailable";
  EXPECT_EQ(code_of(away->events().append_and_wait(request({event({.stream = "order-1"})}), soon())), code);
  EXPECT_EQ(code_of(away->events().read_stream("order-1", std::nullopt, store::Direction::kForward, {})), code);
  EXPECT_EQ(code_of(away->events().find(id_of('a'))), code);
  EXPECT_EQ(code_of(away->events().streams({.limit = 1})), code);
  EXPECT_EQ(code_of(away->events().find_in("order-1", id_of('a'))), code);
  EXPECT_EQ(code_of(away->events().counts()), code);
  EXPECT_EQ(code_of(away->events().kinds()), code);
  EXPECT_EQ(code_of(away->log().read_after(Position{0}, {}, {})), code);
  EXPECT_EQ(code_of(away->log().first_since(Timestamp{})), code);
  EXPECT_EQ(code_of(away->log().last_before(Timestamp{})), code);
  EXPECT_EQ(code_of(away->log().head()), code);
  EXPECT_EQ(code_of(away->log().wait_beyond(Position{0}, soon(), {})), code);
  EXPECT_EQ(code_of(away->checkpoints().load("a")), code);
  EXPECT_EQ(code_of(away->checkpoints().advance(lease, "a", Position{0}, Position{1})), code);
  EXPECT_EQ(code_of(away->leases().take("route/a", "instance-a")), code);
  EXPECT_EQ(code_of(away->leases().renew(lease)), code);
  EXPECT_EQ(code_of(away->parked().count("")), code);
  EXPECT_EQ(code_of(away->route_states().list()), code);
  EXPECT_EQ(code_of(away->identity()), code);
}

TEST_P(StoreLifeContract, GoesOnWhenTheDatabaseIsBack) {
  fill("order-1", 1);
  close();
  backend().take_away();
  const auto away = backend().open({});
  ASSERT_FALSE(away->events().append_and_wait(request({event({.stream = "order-1"})}), soon()));
  ASSERT_FALSE(away->log().head());
  backend().bring_back();
  // A backend may wait a little before it tries again.
  const Deadline deadline = soon();
  while (!away->events().append_and_wait(lettered("order-1", "a"), soon()) && !deadline.expired())
    std::this_thread::yield();
  EXPECT_EQ(away->log().head(), Position{2});
  EXPECT_EQ(code_of(away->leases().take("route/a", "instance-a")), "ok");
}

}  // namespace
}  // namespace penstock::tests
