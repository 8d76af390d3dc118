// Rows of the fault matrix that concern polling, each by its number, under every policy. Fault 9 to 11 of
// policy "cursor" stand in cursor_pgtest.cc.
#include "connectors/outbox/tracked_table.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using outbox::KeepRows;
using outbox::MarkRows;
using outbox::Policy;
using outbox::TrackRows;

struct Case {
  std::string_view name;
  Policy policy;
};

class OutboxFault : public OutboxTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    use(", state text NOT NULL DEFAULT 'new'");
    outbox().settings().policy = GetParam().policy;
    if (std::holds_alternative<TrackRows>(GetParam().policy))
      outbox().execute("ALTER TABLE shop.outbox ALTER id SET NOT NULL, ADD UNIQUE (id); " +
                       outbox::create_settled_table_statement(outbox().settings(), "uuid"));
  }
  void kill_the_session() {
    outbox().execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name LIKE 'penstock%'"
        " AND datname = current_database()");
  }
  static std::string code_of_read(connectors::Source& source) {
    const auto batch = source.read(kMuchRoom, Deadline::in(std::chrono::seconds(10)), {});
    return batch ? "ok" : std::string(batch.error().code().name);
  }
  bool keeps_rows() const { return std::holds_alternative<KeepRows>(GetParam().policy); }
};

TEST_P(OutboxFault, Fault2ReadsOnAfterItsBackendWasKilledAtEachStep) {
  outbox().insert_many(3);
  auto source = open();
  kill_the_session();
  EXPECT_EQ(code_of_read(*source), "outbox.unavailable");

  source = open();
  ASSERT_EQ(read(*source).size(), 3U);
  kill_the_session();
  // A cursor's place is in the store, which is not away; the next read notices the session.
  if (keeps_rows()) {
    EXPECT_TRUE(source->settle(ReadMark{1}));
  } else {
    EXPECT_EQ(code_of(source->settle(ReadMark{1})), "outbox.unavailable");
  }

  source = open();
  const std::size_t left = keeps_rows() ? 2 : 3;
  ASSERT_EQ(read(*source).size(), left);
  ASSERT_TRUE(source->settle(ReadMark{left}));
  source = nullptr;
  EXPECT_EQ(read(*open()).size(), 0U);
}

TEST_P(OutboxFault, Fault7WaitsForAFreeConnection) {
  const TestRole role(outbox().url(), "LOGIN CONNECTION LIMIT 0");
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT, DELETE, UPDATE, INSERT ON ALL TABLES IN SCHEMA shop");
  role.grant("SELECT ON ALL SEQUENCES IN SCHEMA shop");
  outbox().settings().url = role.url();
  EXPECT_EQ(code_of(try_open()), "outbox.unavailable");
  role.alter("CONNECTION LIMIT 2");
  outbox().insert("a", 1);
  EXPECT_EQ(data_of(read(*open())), "1");
}

TEST_P(OutboxFault, Fault8GivesUpOnALockedTableAndComesBack) {
  outbox().insert("a", 1);
  auto source = open();
  const auto locker = writer();
  locker->run("BEGIN; LOCK TABLE shop.outbox IN ACCESS EXCLUSIVE MODE");
  EXPECT_EQ(code_of_read(*source), "outbox.busy");
  locker->run("ROLLBACK");
  source = open();
  EXPECT_EQ(data_of(read(*source)), "1");
}

TEST_P(OutboxFault, Fault10DeliversALowerNumberThatCommitsLater) {
  const auto source = open();
  const auto late = writer();
  late->run("BEGIN");
  late->insert("a", 1);
  outbox().insert("b", 2);
  EXPECT_EQ(data_of(read(*source)), "2");
  ASSERT_TRUE(source->settle(ReadMark{1}));
  late->run("COMMIT");
  outbox().insert("a", 3);
  EXPECT_EQ(data_of(read(*source)), "1 3");
}

TEST_P(OutboxFault, Fault11WaitsForNoNumberThatWasRolledBack) {
  const auto source = open();
  const auto loser = writer();
  loser->run("BEGIN");
  loser->insert("a", 1);
  loser->run("ROLLBACK");
  outbox().insert("a", 2);
  EXPECT_EQ(data_of(read_until(*source, 1)), "2");
}

// A poll can't tell a row that is gone before it was read from a number that was rolled back; the log has it (wal).
TEST_P(OutboxFault, Fault22GoesOnBehindRowsThatAreGoneBeforeTheyWereRead) {
  const auto source = open();
  outbox().insert("a", 1);
  outbox().execute("DELETE FROM shop.outbox");
  outbox().insert("a", 2);
  ASSERT_EQ(data_of(read(*source)), "2");
  outbox().insert("a", 3);
  outbox().execute("TRUNCATE shop.outbox");
  EXPECT_TRUE(source->settle(ReadMark{1}));
  outbox().insert("a", 4);
  EXPECT_EQ(data_of(read_until(*source, 1)), "4");
}

INSTANTIATE_TEST_SUITE_P(Policies, OutboxFault,
                         testing::Values(Case{"Delete", outbox::DeleteRows{}}, Case{"Mark", MarkRows{"state", "sent"}},
                                         Case{"Cursor", KeepRows{}}, Case{"Track", TrackRows{}}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace penstock::tests
