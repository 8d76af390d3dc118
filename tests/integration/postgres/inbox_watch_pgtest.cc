// The wait for rows that others commit into the inbox: penstock.await_inbox.
#include <future>

#include "store/postgres/rows.h"
#include "tests/integration/postgres/store_fixture.h"
#include "tests/support/eventually.h"

namespace penstock::store::postgres {
namespace {

class InboxWait : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    if (IsSkipped()) return;
    open_migrated();
    waiting_ = session();
    run(*waiting_, "SET statement_timeout = 0");
    service_ = session();
    run(*service_, "SET idle_in_transaction_session_timeout = 0");
  }

  static void run(Session& session, const std::string& sql) {
    auto done = session.execute(sql, soon());
    ASSERT_TRUE(done) << sql << ": " << done.error().describe();
  }
  void append() { run(*service_, "SELECT penstock.append('order-1', 'placed', '{}'::jsonb)"); }

  // A call that naps, and would go on to do so for far longer than a test may take: "woken", or what went wrong.
  std::future<std::string> begin_to_wait() {
    auto answer = std::async(std::launch::async, [this]() -> std::string {
      const auto rows = waiting_->execute("SELECT penstock.await_inbox(3600000)", soon());
      if (!rows) return rows.error().describe();
      return rows->is_null(0, 0) ? "nothing came" : "woken";
    });
    EXPECT_TRUE(tests::eventually([&] {
      return value("SELECT coalesce(wait_event, '') FROM pg_stat_activity WHERE pid = " +
                   std::to_string(waiting_->server().pid)) == "PgSleep";
    }));
    return answer;
  }

  std::unique_ptr<Session> waiting_, service_;
};

TEST_F(InboxWait, EndsAtOnceWhereRowsWait) {
  append();
  EXPECT_EQ(value("SELECT penstock.await_inbox(3600000) IS NOT NULL"), "t");
}

TEST_F(InboxWait, EndsWithNothingAfterItsTime) { EXPECT_EQ(value("SELECT penstock.await_inbox(30) IS NULL"), "t"); }

TEST_F(InboxWait, IsWokenByACommit) {
  auto answer = begin_to_wait();
  append();
  EXPECT_EQ(answer.get(), "woken");
}

TEST_F(InboxWait, IsWokenByANumberThatWasDrawnBeforeIt) {
  run(*service_, "BEGIN");
  append();
  auto answer = begin_to_wait();
  run(*service_, "COMMIT");
  EXPECT_EQ(answer.get(), "woken");
}

TEST_F(InboxWait, IsWokenByAPreparedTransaction) {
  if (value("SHOW max_prepared_transactions") == "0") GTEST_SKIP() << "max_prepared_transactions is 0";
  run(*service_, "BEGIN");
  append();
  run(*service_, "PREPARE TRANSACTION 'inbox-wait'");
  auto answer = begin_to_wait();
  run(*service_, "COMMIT PREPARED 'inbox-wait'");
  EXPECT_EQ(answer.get(), "woken");
}

TEST_F(InboxWait, IsWokenThoughEarlierNumbersWereGivenUp) {
  auto answer = begin_to_wait();
  run(*service_, "BEGIN");
  append();
  run(*service_, "ROLLBACK");
  run(*service_, "BEGIN");
  append();
  run(*service_, "COMMIT");
  EXPECT_EQ(answer.get(), "woken");
}

// Each nap that looked would scan once more.
TEST_F(InboxWait, NapsWithoutTheTableWhileNobodyWrites) {
  run(*waiting_, "BEGIN; SELECT penstock.await_inbox(360)");
  const auto looks = waiting_->execute(
      "SELECT pg_stat_get_xact_numscans('penstock.inbox'::regclass)"
      " + pg_stat_get_xact_numscans('penstock.inbox_ins'::regclass)",
      soon());
  ASSERT_TRUE(looks) << looks.error().describe();
  EXPECT_LE(looks->integer(0, 0), 6);
}

}  // namespace
}  // namespace penstock::store::postgres
