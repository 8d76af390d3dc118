// One relay a table.
#include <future>

#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;

class OutboxLock : public OutboxTest {
 protected:
  void terminate_sources() {
    outbox().execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'penstock%'"
        " AND datname = current_database()");
  }
};

TEST_F(OutboxLock, KeepsASecondRelayInStandby) {
  const auto owner = open();
  const auto second = try_open();
  EXPECT_EQ(code_of(second), "outbox.locked");
  EXPECT_EQ(second.error().kind(), ErrorKind::kConflict);
  EXPECT_NE(second.error().message().find("shop.outbox"), std::string::npos);
}

TEST_F(OutboxLock, DoesNotKeepARelayOffAnotherTable) {
  outbox().execute("CREATE TABLE shop.outbox2 (LIKE shop.outbox INCLUDING ALL)");
  const auto owner = open();
  outbox().settings().table.name = "outbox2";
  EXPECT_EQ(code_of(try_open()), "ok");
}

TEST_F(OutboxLock, IsFreeAtOnceWhenTheOwnersSessionIsLost) {
  outbox().insert("a", 1);
  const auto owner = open();
  terminate_sources();
  const auto successor = open();
  EXPECT_EQ(data_of(read(*successor)), "1");
  const auto batch = owner->read(kMuchRoom, Deadline::in(0s), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "outbox.unavailable");
}

TEST_F(OutboxLock, IsLostByAnOwnerThatSaysNothingAndKeptByOneThatDoes) {
  outbox().execute("CREATE TABLE shop.outbox2 (LIKE shop.outbox INCLUDING ALL)");
  const auto paused = open();
  outbox().settings().table.name = "outbox2";
  const auto alive = open();
  outbox().settings().table.name = "outbox";
  const auto deadline = Deadline::in(15s);
  while (!try_open() && !deadline.expired()) ASSERT_TRUE(alive->keep_alive());
  EXPECT_FALSE(deadline.expired()) << "the server did not end the session of a paused owner";
  EXPECT_FALSE(paused->keep_alive());
  EXPECT_TRUE(alive->keep_alive());
}

TEST_F(OutboxLock, IsTakenAnewByTheSameSourceAfterALoss) {
  outbox().insert("a", 1);
  const auto source = open();
  terminate_sources();
  ASSERT_FALSE(source->read(kMuchRoom, Deadline::in(0s), {}));
  ASSERT_TRUE(source->open({}, Deadline::in(10s), {}));
  EXPECT_EQ(data_of(read(*source)), "1");
}

TEST_F(OutboxLock, GivesUpAStatementThatWaitsForALock) {
  outbox().insert("a", 1);
  const auto source = open();
  const auto service = writer();
  service->run("BEGIN");
  service->run("LOCK TABLE shop.outbox IN ACCESS EXCLUSIVE MODE");
  auto reading = std::async(std::launch::async, [&] { return source->read(kMuchRoom, Deadline::in(60s), {}); });
  ASSERT_TRUE(eventually([&] {
    return service->run(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
               " AND application_name LIKE 'penstock%' AND datname = current_database()") == "1";
  }));
  source->give_up();
  const auto given_up = reading.get();
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code().name, "core.stopped") << "and not the lock's own timeout";
  service->run("ROLLBACK");
}

}  // namespace
}  // namespace penstock::tests
