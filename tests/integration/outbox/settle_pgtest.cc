// What keeps a delivered row from being settled: it is said, ends nothing that it doesn't have to end, brings no row
// again and again, and heals once its cause has healed.
#include <future>

#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;
using outbox::DeleteRows;
using outbox::MarkRows;

struct Case {
  std::string_view name;
  outbox::Policy policy;
  std::string_view event;  // of the trigger that the settlement meets
};

class OutboxSettle : public OutboxTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    use(", state text");
    outbox().settings().policy = GetParam().policy;
  }
  // A trigger of the service, with this body.
  void add_trigger(const std::string& body, const std::string& when = "BEFORE") {
    outbox().execute("CREATE OR REPLACE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + body +
                     " END $$; CREATE TRIGGER keep " + when + " " + std::string(GetParam().event) +
                     " ON shop.outbox FOR EACH ROW EXECUTE FUNCTION shop.keep()");
  }
  static Status reopen(connectors::Source& source) { return source.open({}, Deadline::in(10s), {}); }
  std::size_t unsettled() { return std::stoul(outbox().value("SELECT count(*) FROM shop.outbox WHERE state IS NULL")); }
};

TEST_P(OutboxSettle, TakesTheErrorOfATriggerForARefusalAndGoesOnWhenItIsMended) {
  for (const char* sqlstate : {"P0001", "ZZ123", "42601"}) {
    outbox().execute("TRUNCATE shop.outbox; DROP FUNCTION IF EXISTS shop.keep CASCADE");
    outbox().insert_many(2);
    add_trigger("RAISE EXCEPTION 'no deletes of %', OLD.payload USING ERRCODE = '" + std::string(sqlstate) + "';");
    const auto source = open();
    ASSERT_EQ(read(*source).size(), 2U);
    const Status refused = source->settle(ReadMark{2});
    ASSERT_EQ(code_of(refused), "outbox.refused") << sqlstate;
    const std::string message = refused.error().message();
    EXPECT_NE(message.find(std::string(sqlstate) + ", function shop.keep)"), std::string::npos) << message;
    EXPECT_EQ(message.find("no deletes"), std::string::npos) << "its words may hold a payload";
    EXPECT_EQ(refused.error().kind(), ErrorKind::kInvalid) << "which is tried again";
    EXPECT_EQ(code_of(reopen(*source)), "outbox.refused") << "nothing is read again meanwhile";
    outbox().execute("DROP FUNCTION shop.keep CASCADE");
    outbox().insert("a", 3);
    ASSERT_TRUE(reopen(*source));
    EXPECT_EQ(unsettled(), 1U);
    EXPECT_EQ(data_of(read(*source)), "3") << "what was delivered doesn't come again";
  }
}

TEST_P(OutboxSettle, SaysThatATriggerKeepsRowsAndDeliversThemNoMore) {
  outbox().insert_many(3);
  add_trigger("IF OLD.seq = 2 THEN RETURN NULL; END IF; RETURN coalesce(NEW, OLD);");
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 3U);
  const Status refused = source->settle(ReadMark{3});
  ASSERT_EQ(code_of(refused), "outbox.refused");
  EXPECT_NE(refused.error().message().find("keeps 1 delivered rows, from `seq` = 2 on"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(unsettled(), 1U) << "the others are settled";
  EXPECT_EQ(code_of(reopen(*source)), "outbox.refused");
  outbox().execute("DROP FUNCTION shop.keep CASCADE");
  ASSERT_TRUE(reopen(*source));
  EXPECT_EQ(unsettled(), 0U);
  EXPECT_EQ(data_of(read(*source)), "");
}

// The server counts such a row among those that it changed.
TEST_P(OutboxSettle, SaysThatATriggerPutsRowsBackAsTheyWere) {
  outbox().insert_many(2);
  if (GetParam().event == "UPDATE")
    add_trigger("IF OLD.seq = 2 THEN NEW.state := OLD.state; END IF; RETURN NEW;");
  else
    add_trigger(
        "IF OLD.seq = 2 THEN INSERT INTO shop.outbox OVERRIDING SYSTEM VALUE SELECT OLD.*; END IF; RETURN NULL;",
        "AFTER");
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 2U);
  const Status refused = source->settle(ReadMark{2});
  ASSERT_EQ(code_of(refused), "outbox.refused");
  EXPECT_NE(refused.error().message().find("keeps 1 delivered rows, from `seq` = 2 on"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(code_of(reopen(*source)), "outbox.refused");
  outbox().execute("DROP FUNCTION shop.keep CASCADE");
  ASSERT_TRUE(reopen(*source));
  EXPECT_EQ(unsettled(), 0U);
  EXPECT_EQ(data_of(read(*source)), "");
}

// What was delivered under ids of another type can't be found by them: its rows come again.
TEST_P(OutboxSettle, ForgetsWhatItCouldNotSettleWhenTheTypeOfIdsHasChanged) {
  outbox().insert_many(2);
  add_trigger("RAISE EXCEPTION 'audit is down';");
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 2U);
  ASSERT_EQ(code_of(source->settle(ReadMark{2})), "outbox.refused");
  outbox().execute("DROP FUNCTION shop.keep CASCADE; ALTER TABLE shop.outbox ALTER id TYPE text");
  const Status opened = reopen(*source);
  ASSERT_TRUE(opened) << opened.error().describe();
  ASSERT_EQ(read(*source).size(), 2U);
  ASSERT_TRUE(source->settle(ReadMark{2}));
  EXPECT_EQ(unsettled(), 0U);
}

TEST_P(OutboxSettle, WaitsForWhoeverHoldsALockOnDeliveredRows) {
  outbox().insert_many(3);
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 3U);
  const auto admin = writer();
  admin->run("SET application_name = 'psql'; BEGIN; SELECT * FROM shop.outbox WHERE seq = 2 FOR UPDATE");
  auto settling = std::async(std::launch::async, [&] { return source->settle(ReadMark{3}); });
  ASSERT_TRUE(eventually([&] { return outbox().log().text().find("(psql)") != std::string::npos; }, Deadline::in(30s)))
      << outbox().log().text();
  admin->run("ROLLBACK");
  const Status settled = settling.get();
  EXPECT_TRUE(settled) << settled.error().describe();
  EXPECT_EQ(unsettled(), 0U);
  outbox().insert("a", 4);
  EXPECT_EQ(data_of(read(*source)), "4") << "in the same opening";
  EXPECT_EQ(outbox().log().count(LogLevel::kWarn), 1U) << outbox().log().text();
  EXPECT_EQ(outbox().log().count(LogLevel::kInfo), 1U) << outbox().log().text();
}

TEST_P(OutboxSettle, TriesAgainAfterADeadlock) {
  outbox().insert_many(2);
  outbox().execute("CREATE SEQUENCE shop.attempt");
  add_trigger(
      "IF nextval('shop.attempt') = 1 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF;"
      " RETURN coalesce(NEW, OLD);");
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 2U);
  const Status settled = source->settle(ReadMark{2});
  EXPECT_TRUE(settled) << settled.error().describe();
  EXPECT_EQ(unsettled(), 0U);
}

// What is left is settled in smaller and smaller parts, over as many openings as it takes.
TEST_P(OutboxSettle, SettlesRowsThatAreTooSlowForOneStatementInParts) {
  outbox().insert_many(30);
  add_trigger("RAISE EXCEPTION 'audit is down';");
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 30U);
  ASSERT_EQ(code_of(source->settle(ReadMark{30})), "outbox.refused");
  outbox().execute(
      "DROP FUNCTION shop.keep CASCADE; CREATE FUNCTION shop.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " IF (SELECT count(*) FROM gone) = 30 THEN PERFORM pg_sleep(60); END IF; RETURN NULL; END $$;"
      " CREATE TRIGGER slow AFTER " +
      std::string(GetParam().event) +
      " ON shop.outbox REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION shop.slow()");
  const Status slow = source->open({}, Deadline::in(3s), {});
  ASSERT_EQ(code_of(slow), "outbox.busy");
  EXPECT_NE(slow.error().message().find("30 rows are left"), std::string::npos) << slow.error().message();
  ASSERT_TRUE(source->open({}, Deadline::in(3s), {}));
  EXPECT_EQ(unsettled(), 0U);
  EXPECT_EQ(data_of(read(*source)), "");
}

TEST_P(OutboxSettle, NamesWhoHoldsTheTable) {
  outbox().insert("a", 1);
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 1U);
  const auto admin = writer();
  admin->run("SET application_name = 'migration'; BEGIN; LOCK TABLE shop.outbox IN ACCESS EXCLUSIVE MODE");
  const auto batch = source->read(kMuchRoom, Deadline::in(10s), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "outbox.busy");
  const std::string pid = admin->run("SELECT pg_backend_pid()");
  EXPECT_NE(batch.error().message().find("pid " + pid + " (migration)"), std::string::npos) << batch.error().message();
  admin->run("ROLLBACK");
}

INSTANTIATE_TEST_SUITE_P(Policies, OutboxSettle,
                         testing::Values(Case{"Delete", DeleteRows{}, "DELETE"},
                                         Case{"Mark", MarkRows{"state", "sent"}, "UPDATE"}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace penstock::tests
