// Settled rows that are to be deleted, and what a database may have against it.
#include <gmock/gmock.h>

#include <future>
#include <string>

#include "connectors/wal/membership.h"
#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class WalRemoval : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
    outbox_->settings().settle = wal::WalSettings::Settle::kDelete;
    outbox_->create_publication_and_slot();
    reader_ = std::make_unique<WalReader>(*outbox_);
  }
  void TearDown() override { reader_.reset(); }

  // By a source that goes on with what it knows. The server needs a moment to notice the end of the last opening.
  Status open() {
    Status opened;
    eventually([&] {
      opened = reader_->open();
      return opened || &opened.error().code() != &codes::kWalSlotInUse;
    });
    return opened;
  }
  void insert(int first, int last) {
    outbox_->execute(
        "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) SELECT 'order', 'a',"
        " 'counted', to_jsonb(i) FROM generate_series(" +
        std::to_string(first) + ", " + std::to_string(last) + ") i");
  }
  // Reads so many rows, and settles them all.
  Status settle(std::size_t count) {
    const auto items = reader_->read(count);
    if (items.size() != count) return fail(codes::kInternal, "not all has come");
    return reader_->source().settle(items.back().mark);
  }
  // `body`: of a function of the service that runs when a row is deleted.
  void on_delete(const std::string& body, const std::string& each = "ROW") {
    outbox_->execute("CREATE OR REPLACE FUNCTION shop.audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + body +
                     " END $$; CREATE OR REPLACE TRIGGER audit BEFORE DELETE ON shop.outbox FOR EACH " + each +
                     " EXECUTE FUNCTION shop.audit()");
  }
  void leave_deletes_alone() { outbox_->execute("DROP TRIGGER audit ON shop.outbox"); }
  // What a call that settles leaves.
  void delete_the_rest(const std::string& until = "0") {
    EXPECT_TRUE(eventually(
        [&] {
          EXPECT_TRUE(reader_->source().keep_alive());
          return rows() == until;
        },
        Deadline::in(std::chrono::seconds(40))));
  }
  std::string rows() { return outbox_->value("SELECT count(*) FROM shop.outbox"); }
  void act_as(const TestRole& role) {
    role.grant("USAGE ON SCHEMA shop");
    role.grant("SELECT (id), DELETE ON shop.outbox");
    outbox_->settings().rows.url = role.url();
    reader_ = std::make_unique<WalReader>(*outbox_);
  }

  std::unique_ptr<WalOutbox> outbox_;
  std::unique_ptr<WalReader> reader_;
};

std::string code_of(const Status& status) { return status ? "ok" : std::string(status.error().code().name); }

// The log is not subject to it, so that all would be delivered, and nothing deleted.
TEST_F(WalRemoval, IsRefusedWhereRowLevelSecurityHidesRows) {
  const TestRole role(outbox_->url(), "LOGIN REPLICATION");
  act_as(role);
  outbox_->execute("ALTER TABLE shop.outbox ENABLE ROW LEVEL SECURITY");
  const Status opened = open();
  ASSERT_EQ(code_of(opened), "outbox.unauthorized");
  EXPECT_THAT(opened.error().message(), HasSubstr("may hide rows"));
  EXPECT_THAT(findings_of(*outbox_),
              AllOf(HasSubstr("may hide rows"), HasSubstr("CREATE POLICY"), Not(HasSubstr("GRANT"))));
  outbox_->settings().settle = wal::WalSettings::Settle::kKeep;
  EXPECT_THAT(findings_of(*outbox_), Not(HasSubstr("hide")));
  outbox_->settings().settle = wal::WalSettings::Settle::kDelete;
  const std::string& message = opened.error().message();
  outbox_->execute(message.substr(message.find("CREATE POLICY")));
  ASSERT_EQ(code_of(open()), "ok");
  outbox_->insert("a", 1);
  EXPECT_EQ(code_of(settle(1)), "ok");
  EXPECT_EQ(rows(), "0");
}

TEST_F(WalRemoval, SaysThatRowsHaveBeenHiddenMeanwhile) {
  const TestRole role(outbox_->url(), "LOGIN REPLICATION");
  act_as(role);
  ASSERT_EQ(code_of(open()), "ok");
  outbox_->insert("a", 1);
  outbox_->execute("ALTER TABLE shop.outbox ENABLE ROW LEVEL SECURITY");
  EXPECT_EQ(code_of(settle(1)), "outbox.unauthorized");
  EXPECT_EQ(outbox_->unsettled(), 1U);
}

// Row level security that shows all rows, and lets none be deleted.
TEST_F(WalRemoval, SaysThatAPolicyKeepsRows) {
  const TestRole role(outbox_->url(), "LOGIN REPLICATION");
  act_as(role);
  outbox_->execute("CREATE POLICY shown ON shop.outbox FOR SELECT TO " + role.name() +
                   " USING (true); ALTER TABLE shop.outbox ENABLE ROW LEVEL SECURITY");
  ASSERT_EQ(code_of(open()), "ok");
  outbox_->insert("a", 1);
  EXPECT_EQ(code_of(settle(1)), "outbox.refused");
}

TEST_F(WalRemoval, SaysThatATriggerKeepsRows) {
  EXPECT_THAT(findings_of(*outbox_), Not(HasSubstr("audit")));
  on_delete("RETURN NULL;");
  EXPECT_THAT(findings_of(*outbox_), HasSubstr("audit may keep a row"));
  ASSERT_EQ(code_of(open()), "ok");
  outbox_->insert("a", 1);
  outbox_->insert("a", 2);
  outbox_->execute("SET session_replication_role = replica; DELETE FROM shop.outbox WHERE payload = '2'");
  const Status settled = settle(2);
  ASSERT_EQ(code_of(settled), "outbox.refused");
  EXPECT_THAT(settled.error().message(), HasSubstr("keeps 1 delivered rows"));
  EXPECT_EQ(outbox_->unsettled(), 2U);
}

// A row that took the place of another while that one was waited for is no row that something keeps.
TEST_F(WalRemoval, DeletesARowThatTookThePlaceOfAnother) {
  ASSERT_EQ(code_of(open()), "ok");
  outbox_->insert("a", 1);
  const auto items = reader_->read(1);
  const std::string name = "'replaces " + outbox_->settings().slot + "'";
  auto replaced = std::async(std::launch::async, [&] {
    outbox_->execute("BEGIN; SET LOCAL application_name = " + name +
                     "; CREATE TEMP TABLE old AS SELECT * FROM shop.outbox;"
                     "DELETE FROM shop.outbox; INSERT INTO shop.outbox OVERRIDING SYSTEM VALUE SELECT * FROM old; "
                     "SELECT pg_sleep(2); COMMIT");
  });
  ASSERT_TRUE(eventually([&] {
    return outbox_->value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name = " +
                          name) == "1";
  }));
  const Status settled = reader_->source().settle(items[0].mark);
  EXPECT_EQ(code_of(settled), "ok") << settled.error().describe();
  replaced.get();
  EXPECT_EQ(rows(), "0");
}

// Otherwise they came again with each opening. What the trigger says may hold data.
TEST_F(WalRemoval, ReadsNothingUntilWhatWasDeliveredCanBeDeleted) {
  on_delete("IF OLD.payload = '2' THEN RAISE 'secret %', OLD.payload; END IF; RETURN OLD;");
  ASSERT_EQ(code_of(open()), "ok");
  insert(1, 3);
  const Status settled = settle(3);
  ASSERT_EQ(code_of(settled), "wal.refused");
  EXPECT_THAT(settled.error().describe(), AllOf(HasSubstr("P0001"), Not(HasSubstr("secret"))));
  EXPECT_EQ(code_of(open()), "wal.refused");
  EXPECT_EQ(rows(), "3");
  leave_deletes_alone();
  ASSERT_EQ(code_of(open()), "ok");
  EXPECT_EQ(rows(), "0");
}

TEST_F(WalRemoval, ReadsNothingWhileATriggerKeepsWhatWasDelivered) {
  on_delete("RETURN NULL;");
  ASSERT_EQ(code_of(open()), "ok");
  insert(1, 3);
  EXPECT_EQ(code_of(settle(3)), "outbox.refused");
  EXPECT_EQ(code_of(open()), "outbox.refused");
  leave_deletes_alone();
  ASSERT_EQ(code_of(open()), "ok");
  EXPECT_EQ(rows(), "0");
}

TEST_F(WalRemoval, PassesWhatWasDeletedBeforeAnError) {
  on_delete("IF OLD.payload = '150' THEN RAISE 'no'; END IF; RETURN OLD;");
  ASSERT_EQ(code_of(open()), "ok");
  insert(1, 200);
  Status settled = settle(200);
  if (settled) settled = reader_->source().keep_alive();  // a slow machine's second turn
  EXPECT_EQ(code_of(settled), "wal.refused");
  EXPECT_EQ(rows(), "100");
  const auto own = wal::parse_own_position(outbox_->checkpoints().position("orders"));
  ASSERT_TRUE(own);
  EXPECT_EQ(own->progress.partial.index, 100U);
}

// A foreign key that leads here from a table without an index on it, say.
TEST_F(WalRemoval, DeletesFewerRowsAtATimeWhereTheyTakeTooLong) {
  on_delete(
      "PERFORM set_config('shop.deleted', (coalesce(nullif(current_setting('shop.deleted', true), ''), '0')::int"
      " + 1)::text, true); IF current_setting('shop.deleted')::int > 10 THEN RAISE 'late' USING ERRCODE ="
      " 'query_canceled'; END IF; RETURN OLD;");
  ASSERT_EQ(code_of(open()), "ok");
  insert(1, 250);
  EXPECT_EQ(code_of(settle(250)), "ok");
  EXPECT_EQ(rows(), "0");
}

// It is not settled again, because it was not read again.
TEST_F(WalRemoval, KnowsInTheNextOpeningWhatWaitsForALock) {
  ASSERT_EQ(code_of(open()), "ok");
  outbox_->insert("a", 1);
  const auto items = reader_->read(1);
  const std::string holder = "'holder " + outbox_->settings().slot + "'";
  outbox_->execute("BEGIN; SELECT FROM shop.outbox FOR UPDATE; PREPARE TRANSACTION " + holder);
  EXPECT_TRUE(reader_->source().settle(items[0].mark));
  reader_->source().close();
  EXPECT_EQ(code_of(open()), "ok");
  outbox_->execute("ROLLBACK PREPARED " + holder);
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(reader_->source().keep_alive());
    return rows() == "0";
  }));
}

// The server ends a stream of which it hears nothing for 8 s: once in a single statement, once in many short ones.
TEST_F(WalRemoval, KeepsTheStreamWhileItDeletesForLong) {
  ASSERT_EQ(code_of(open()), "ok");
  insert(1, 10'000);
  const auto items = reader_->read(10'000);
  const std::string stream =
      "SELECT active_pid::text FROM pg_replication_slots WHERE slot_name = '" + outbox_->settings().slot + "'";
  const std::string pid = outbox_->value(stream);
  on_delete("PERFORM pg_sleep(CASE WHEN (SELECT count(*) FROM shop.outbox) > 9950 THEN 9 ELSE 0.95 END); RETURN NULL;",
            "STATEMENT");
  EXPECT_TRUE(reader_->source().settle(items.back().mark));
  delete_the_rest();
  EXPECT_EQ(outbox_->value(stream), pid);
}

// Rows that are slow to delete hold back neither what comes behind them nor, after a failure, the next opening.
TEST_F(WalRemoval, ReadsOnWhileItDeletesForLong) {
  ASSERT_EQ(code_of(open()), "ok");
  insert(1, 4'000);
  const auto items = reader_->read(4'000);
  on_delete("PERFORM pg_sleep(0.9); RETURN NULL;", "STATEMENT");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(reader_->source().settle(items.back().mark));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  outbox_->insert("a", 4'001);
  EXPECT_EQ(data_of(reader_->read(1)), "4001");
  EXPECT_NE(rows(), "1");
  const auto own = wal::parse_own_position(outbox_->checkpoints().position("orders"));
  ASSERT_TRUE(own);
  EXPECT_EQ(std::to_string(4'000 - own->progress.partial.index),
            outbox_->value("SELECT count(*) - 1 FROM shop.outbox"));

  reader_->source().close();
  const std::string left = rows();
  EXPECT_EQ(code_of(open()), "ok");
  EXPECT_NE(rows(), left);
  delete_the_rest("1");
}

}  // namespace
}  // namespace penstock::tests
