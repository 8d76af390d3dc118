// A store that is being filled takes nothing from services that append by SQL.
#include <future>

#include "store/postgres/postgres_transfer.h"
#include "store/postgres/rows.h"
#include "tests/integration/postgres/store_fixture.h"

namespace penstock::store::postgres {
namespace {

class Importing : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    store_ = open_migrated();
    transfer_ = std::move(make_postgres_transfer({.url = Secret(url())}, "import").value());
  }

  // "ok <version>" or the SQLSTATE.
  static std::string outcome(Session& session, const std::string& call) {
    auto rows = session.execute("SELECT penstock." + call, soon());
    if (!rows) return session.failure().sqlstate;
    return "ok " + std::string(rows->bytes(0, 0));
  }
  static std::string append_sql(const std::string& stream) { return "append('" + stream + "', 'placed', '{}'::jsonb)"; }
  static void run(Session& session, const std::string& sql) {
    auto done = session.execute(sql, soon());
    ASSERT_TRUE(done) << sql << ": " << done.error().describe();
  }
  // One row for the stream, as an import writes it.
  static std::vector<LogRow> one_row(std::string_view stream) {
    LogRow row;
    row.event = {.id = EventId::from_name(kNamespaceUrl, "1"), .stream = stream, .category = "order", .type = "placed"};
    row.event.position = Position{1};
    row.event.version = Version{0};
    row.event.occurred_at = row.event.recorded_at = Timestamp(std::chrono::seconds(1'770'000'000));
    return {row};
  }

  std::unique_ptr<Store> store_;
  std::unique_ptr<Transfer> transfer_;
};

TEST_F(Importing, RefusesEveryFormOfAppendBySqlUntilItHasEnded) {
  ASSERT_EQ(code_of(transfer_->begin(Position{0})), "ok");
  ASSERT_EQ(code_of(transfer_->load(one_row("order-1"))), "ok");
  auto service = session();
  EXPECT_EQ(outcome(*service, append_sql("order-1")), "PS006") << "a stream that was loaded";
  EXPECT_EQ(outcome(*service, append_sql("order-2")), "PS006") << "a new stream";
  EXPECT_EQ(outcome(*service, "append('order-1', 'placed', NULL::bytea, metadata => '{\"tenant\":\"a\"}')"), "PS006");
  EXPECT_EQ(
      outcome(*service, "append_many('order-3', -1, ARRAY[ROW('a', '1', NULL, NULL, NULL, NULL)::penstock.new_event])"),
      "PS006");
  EXPECT_EQ(value("SELECT count(*) FROM penstock.inbox"), "0");
  EXPECT_EQ(value("SELECT string_agg(name || ':' || version, ' ') FROM penstock.streams"), "order-1:0");
  ASSERT_EQ(code_of(transfer_->finish()), "ok");
  EXPECT_EQ(outcome(*service, append_sql("order-1")), "ok 1");
  EXPECT_EQ(outcome(*service, append_sql("order-2")), "ok 0");
}

TEST_F(Importing, RefusesATransactionWhoseSnapshotIsOlder) {
  auto service = session();
  run(*service, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
  ASSERT_EQ(code_of(transfer_->begin(Position{0})), "ok");
  EXPECT_EQ(outcome(*service, append_sql("order-1")), "PS006");
}

TEST_F(Importing, StaysClosedToSqlWhenTheImportDies) {
  ASSERT_EQ(code_of(transfer_->begin(Position{0})), "ok");
  transfer_.reset();
  EXPECT_EQ(outcome(*session(), append_sql("order-1")), "PS006");
}

TEST_F(Importing, DoesNotBeginWhileATransactionThatAppendedIsOpen) {
  auto service = session();
  run(*service, "SET idle_in_transaction_session_timeout = 0; BEGIN");
  ASSERT_EQ(outcome(*service, append_sql("order-1")), "ok 0");
  const Status refused = transfer_->begin(Position{0});
  EXPECT_EQ(code_of(refused), "store.in_use");
  EXPECT_EQ(store_->is_importing(), false);
  run(*service, "ROLLBACK");
  EXPECT_EQ(code_of(transfer_->begin(Position{0})), "ok");
}

TEST_F(Importing, FindsWhatATransactionLeftThatEndedMeanwhile) {
  auto service = session();
  run(*service, "SET idle_in_transaction_session_timeout = 0; BEGIN");
  ASSERT_EQ(outcome(*service, append_sql("order-1")), "ok 0");
  auto begun = std::async(std::launch::async, [&] { return code_of(transfer_->begin(Position{0})); });
  wait_for("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'penstock.inbox'::regclass", "1");
  run(*service, "COMMIT");
  EXPECT_EQ(begun.get(), "store.other_events");
  EXPECT_EQ(outcome(*service, append_sql("order-1")), "ok 1") << "it stays open";
}

}  // namespace
}  // namespace penstock::store::postgres
