// Which rows are deleted, and which never.
#include "tests/integration/outbox/outbox_fixture.h"

namespace penstock::tests {
namespace {

class OutboxDelete : public OutboxTest {};

// Pitfall "mark-then-crash in polling": what was delivered and not settled comes again.
TEST_F(OutboxDelete, HappensOnlyWhenSettled) {
  outbox().insert_many(100);
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 100U);
  EXPECT_EQ(outbox().rows(), 100U);
  ASSERT_TRUE(source->settle(ReadMark{60}));
  EXPECT_EQ(outbox().value("SELECT min(seq) FROM shop.outbox"), "61");
}

TEST_F(OutboxDelete, SparesARowThatTookTheNumberOfASettledOne) {
  outbox().insert("a", 1);
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 1U);
  outbox().execute("UPDATE shop.outbox SET id = gen_random_uuid()");
  ASSERT_TRUE(source->settle(ReadMark{1}));
  EXPECT_EQ(outbox().rows(), 1U);
}

TEST_F(OutboxDelete, MindsNoRowThatIsGoneAlready) {
  outbox().insert_many(10);
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 10U);
  outbox().execute("DELETE FROM shop.outbox WHERE seq < 6");
  ASSERT_TRUE(source->settle(ReadMark{10}));
  EXPECT_EQ(outbox().rows(), 0U);
}

TEST_F(OutboxDelete, FindsIdsOfEveryType) {
  outbox().settings().id_kind = outbox::IdKind::kAny;
  for (const std::string type : {"text USING 'Evt-' || seq", "char(12) USING 'e' || seq", "bigint USING seq",
                                 "numeric USING seq + 0.50", "bytea USING '\\x00ff'", "timestamptz USING now()"}) {
    outbox().execute(
        "DROP TABLE shop.outbox; CREATE TABLE shop.outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY"
        " KEY, id int, aggregatetype text, aggregateid text, type text, payload jsonb)");
    outbox().insert_many(3);
    outbox().execute("ALTER TABLE shop.outbox ALTER id TYPE " + type);
    const auto source = open();
    ASSERT_EQ(read(*source).size(), 3U) << type;
    ASSERT_TRUE(source->settle(ReadMark{3})) << type;
    EXPECT_EQ(outbox().rows(), 0U) << type;
  }
}

TEST_F(OutboxDelete, TakesThousandsOfRowsAtOnce) {
  outbox().insert_many(5'000);
  outbox().settings().batch = 1'000;
  const auto source = open();
  ASSERT_EQ(read_until(*source, 5'000).size(), 5'000U);
  ASSERT_TRUE(source->settle(ReadMark{5'000}));
  EXPECT_EQ(outbox().rows(), 0U);
}

TEST_F(OutboxDelete, FailsAndEndsTheOpeningWhenTheSessionIsLost) {
  outbox().insert("a", 1);
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 1U);
  outbox().execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'penstock%'"
      " AND datname = current_database()");
  const auto settled = source->settle(ReadMark{1});
  EXPECT_EQ(code_of(settled), "outbox.unavailable");
  EXPECT_EQ(outbox().rows(), 1U);
  EXPECT_EQ(data_of(read(*open())), "1");
}

}  // namespace
}  // namespace penstock::tests
