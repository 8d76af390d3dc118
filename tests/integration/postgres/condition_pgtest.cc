// Conditions about events far below the head: nobody else waits while the log is walked over, and what is appended
// meanwhile counts.
#include <future>

#include "store/postgres/rows.h"
#include "tests/integration/postgres/store_fixture.h"

namespace penstock::store::postgres {
namespace {

class FarCondition : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    store_ = open_migrated();
    const std::vector<std::string> written = append_all(*store_, {request("order-1", 600), request("order-1", 600)});
    ASSERT_EQ(written, std::vector<std::string>(2, "ok"));
  }

  // The code of an append that no event of this type may have preceded.
  std::future<std::string> append_unless(const std::string& type) {
    return std::async(std::launch::async, [this, type] {
      AppendRequest decision = request("decision-1");
      decision.condition = AppendCondition{{{{.types = {type}}}}, Position{0}};
      return code_of(store_->events().append_and_wait(std::move(decision), soon()));
    });
  }
  static void run(Session& session, const std::string& sql) {
    auto done = session.execute(sql, soon());
    ASSERT_TRUE(done) << sql << ": " << done.error().describe();
  }
  void wait_until_somebody_waits_for(const std::string& table) {
    wait_for(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'penstock test append'"
        " AND wait_event_type = 'Lock' AND query LIKE '%" +
            table + "%'",
        "t");
  }

  std::unique_ptr<Store> store_;
};

TEST_F(FarCondition, IsJudgedWithoutTheHeadForWhatLiesBelowIt) {
  auto other = session();
  run(*other, "BEGIN; LOCK TABLE penstock.events IN ACCESS EXCLUSIVE MODE");
  auto answer = append_unless("refunded");
  wait_until_somebody_waits_for("penstock\".events");
  run(*session(), "SELECT FROM penstock.head FOR UPDATE NOWAIT");
  run(*other, "COMMIT");
  EXPECT_EQ(answer.get(), "ok");
}

TEST_F(FarCondition, CountsWhatCameBetweenTheLookAndTheLock) {
  auto other = session();
  run(*other,
      "BEGIN; SELECT FROM penstock.head FOR UPDATE; SELECT penstock.append('order-2', 'refunded', '{}'::jsonb)");
  auto answer = append_unless("refunded");
  wait_until_somebody_waits_for("FOR NO KEY UPDATE");
  run(*other, "COMMIT");
  EXPECT_EQ(answer.get(), "store.condition_failed");
  EXPECT_EQ(value("SELECT string_agg(stream, ' ') FROM penstock.events WHERE position > 1200"), "order-2");
}

TEST_F(FarCondition, FindsWhatItRulesOutBelowTheHead) {
  EXPECT_EQ(append_unless("placed").get(), "store.condition_failed");
  EXPECT_EQ(append_unless("refunded").get(), "ok");
  EXPECT_EQ(append_unless("refunded").get(), "ok");
}

}  // namespace
}  // namespace penstock::store::postgres
