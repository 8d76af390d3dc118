// Policy "mark": rows stay in the table and say that they are settled.
#include "connectors/outbox/postgres_statements.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using outbox::MarkRows;

class OutboxMark : public OutboxTest {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    use(", state text NOT NULL DEFAULT 'new', sent_at timestamptz");
    outbox().settings().policy = MarkRows{"state", "sent"};
  }
  std::string unread() { return outbox().value("SELECT count(*) FROM shop.outbox WHERE state <> 'sent'"); }
};

// Pitfall "mark-then-crash in polling": what was delivered and not marked comes again.
TEST_F(OutboxMark, MarksExactlyWhatIsSettledAndDeletesNothing) {
  outbox().insert_many(10);
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 10U);
  ASSERT_TRUE(source->settle(ReadMark{6}));
  EXPECT_EQ(unread(), "4");
  EXPECT_EQ(outbox().rows(), 10U);
  EXPECT_EQ(data_of(read(*source)), "");
}

TEST_F(OutboxMark, GivesTheTimeWhereNoValueIsNamed) {
  outbox().settings().policy = MarkRows{"sent_at", {}};
  outbox().insert_many(3);
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 3U);
  ASSERT_TRUE(source->settle(ReadMark{2}));
  EXPECT_EQ(outbox().value("SELECT count(*) FROM shop.outbox WHERE sent_at > now() - interval '1 minute'"), "2");
}

TEST_F(OutboxMark, ReadsWhateverDoesNotSayThatItIsSettled) {
  outbox().insert_many(3);
  outbox().execute(
      "ALTER TABLE shop.outbox ALTER state DROP NOT NULL;"
      " UPDATE shop.outbox SET state = NULL WHERE seq = 1; UPDATE shop.outbox SET state = 'sent' WHERE seq = 2");
  EXPECT_EQ(read(*open()).size(), 2U);
}

TEST_F(OutboxMark, Fault22MarksRowsOfPartitionsThatComeAndGo) {
  use_partitions(", state text NOT NULL DEFAULT 'new', PRIMARY KEY (seq, day)");
  insert_on_day(1, 2);
  insert_on_day(2, 1);
  const auto source = open();
  ASSERT_EQ(data_of(read_until(*source, 2)), "1 2") << "in one order over all partitions";
  ASSERT_TRUE(source->settle(ReadMark{2}));
  EXPECT_EQ(unread(), "0");
  outbox().execute("CREATE TABLE shop.day3 PARTITION OF shop.outbox FOR VALUES IN (3)");
  // A late row of one partition comes before those that were committed after it in another.
  const auto late = writer();
  late->run("BEGIN");
  late->run(insert_on_day_statement(3, 1));
  insert_on_day(4, 3);
  EXPECT_EQ(data_of(read_until(*source, 1)), "4");
  late->run("COMMIT");
  outbox().execute("DROP TABLE shop.day2");
  insert_on_day(5, 1);
  EXPECT_EQ(data_of(read_until(*source, 2)), "3 5");
  ASSERT_TRUE(source->settle(ReadMark{5}));
  EXPECT_EQ(unread(), "0");
  source->close();
  EXPECT_EQ(data_of(read(*open())), "");
}

TEST_F(OutboxMark, KeepsTheMarkOutOfTheEvent) {
  outbox().insert("a", 1);
  const auto items = read(*open());
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].event->metadata.find("state"), std::string_view::npos) << items[0].event->metadata;
}

TEST_F(OutboxMark, RefusesAtTheOpeningWhatItCouldNotMark) {
  outbox().settings().policy = MarkRows{"seen", "1"};
  EXPECT_EQ(code_of(try_open()), "outbox.table_missing");
  outbox().execute("ALTER TABLE shop.outbox ADD seen smallint");
  outbox().settings().policy = MarkRows{"seen", "done"};
  EXPECT_EQ(code_of(try_open()), "outbox.refused");
  outbox().settings().policy = MarkRows{"seen", {}};
  EXPECT_EQ(code_of(try_open()), "outbox.refused") << "a number can't hold the time";
}

TEST_F(OutboxMark, NeedsNoMoreThanTheRightToUpdateTheMark) {
  const TestRole role(outbox().url());
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT ON shop.outbox");
  outbox().settings().url = role.url();
  EXPECT_EQ(code_of(try_open()), "outbox.unauthorized");
  role.grant("UPDATE (state) ON shop.outbox");
  outbox().insert_many(2);
  {
    const auto source = open();
    ASSERT_EQ(read(*source).size(), 2U);
    ASSERT_TRUE(source->settle(ReadMark{2}));
  }
  EXPECT_EQ(unread(), "0");
}

TEST_F(OutboxMark, IsServedByTheIndexThatValidateNames) {
  const auto findings = [&] {
    auto found = outbox::inspect_postgres(outbox().settings(), Deadline::in(std::chrono::seconds(10)));
    std::erase_if(found, [](const auto& finding) { return finding.fix.find("CREATE INDEX") == std::string::npos; });
    return found;
  };
  const auto before = findings();
  ASSERT_EQ(before.size(), 1U);
  outbox().execute(before[0].fix);
  EXPECT_EQ(findings().size(), 0U);
}

}  // namespace
}  // namespace penstock::tests
