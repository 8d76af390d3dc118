// Policy "cursor": the table stays as it is, and nothing that commits late is passed.
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using outbox::KeepRows;

class OutboxCursor : public OutboxTest, public testing::WithParamInterface<KeepRows::Guard> {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    use(", xid xid8 NOT NULL DEFAULT pg_current_xact_id()");
    outbox().settings().policy = KeepRows{GetParam(), "xid"};
  }
  bool by_xid() const { return GetParam() == KeepRows::Guard::kXid; }
  // Polls for half a second: long enough for the mark to move wherever it may.
  static std::string poll_for_a_while(connectors::Source& source) {
    std::vector<connectors::ReadItem> items;
    const auto deadline = Deadline::in(std::chrono::milliseconds(500));
    while (!deadline.expired())
      for (auto& item : read(source)) items.push_back(std::move(item));
    return data_of(items);
  }
  // Guard "writers" reads past a hole, guard "xid" waits before it: what came is settled, the rest not.
  void read_past_the_hole(connectors::Source& source, const std::string& expected) {
    const std::string data = poll_for_a_while(source);
    EXPECT_EQ(data, by_xid() ? "" : expected);
    if (data.empty()) return;
    const auto count = static_cast<std::uint64_t>(std::count(data.begin(), data.end(), ' ')) + 1;
    ASSERT_TRUE(source.settle(ReadMark{count}));
  }
};

// Pitfalls: "bigserial gaps / out-of-order commit when polling".
TEST_P(OutboxCursor, Fault10NeverPassesALowerNumberThatCommitsLater) {
  auto source = open();
  const auto late = writer();
  late->run("BEGIN");
  late->insert("a", 1);
  outbox().insert("b", 2);
  read_past_the_hole(*source, "2");
  source = nullptr;
  source = open();
  late->run("COMMIT");
  outbox().insert("a", 3);
  EXPECT_EQ(data_of(read_until(*source, by_xid() ? 3 : 2)), by_xid() ? "1 2 3" : "1 3");
}

// A sequence that is shared or thinned: what lies beyond the holes that are remembered waits, and the number that was
// drawn last says nothing of it.
TEST_P(OutboxCursor, Fault10ReadsOnBehindMoreHolesThanItRemembers) {
  constexpr std::size_t kRows = 3'000;
  outbox().execute(
      "ALTER SEQUENCE shop.outbox_seq_seq INCREMENT BY 2;"
      " INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) SELECT 'order', 'a', 'counted', to_jsonb(n)"
      " FROM generate_series(1, " +
      std::to_string(kRows) + ") n");
  const auto late = writer();
  late->run("BEGIN");
  late->insert("b", 0);
  auto source = open();
  std::size_t seen = 0;
  const auto deadline = Deadline::in(std::chrono::milliseconds(500));
  while (!deadline.expired()) seen += read(*source).size();
  ASSERT_GT(seen, 0U);
  ASSERT_TRUE(source->settle(ReadMark{seen}));
  source = nullptr;
  source = open();
  EXPECT_EQ(poll_for_a_while(*source), "") << "held back, or read";
  late->run("COMMIT");
  EXPECT_EQ(read_until(*source, kRows + 1 - seen).size(), kRows + 1 - seen);
}

// What held a row back that was announced ends without a word.
TEST_P(OutboxCursor, LooksSoonAgainForARowThatWasAnnounced) {
  outbox().settings().listen = "changed";
  outbox().settings().poll_max = std::chrono::seconds(60);
  const auto source = open();
  poll_first(*source);
  const auto other = writer();
  other->run("BEGIN; SELECT pg_current_xact_id()");
  outbox().insert("a", 1);
  outbox().execute("NOTIFY changed");
  std::string data;
  const auto read_for = [&](std::chrono::milliseconds time) {
    const auto batch = source->read(kMuchRoom, Deadline::in(time), {});
    ASSERT_TRUE(batch) << batch.error().describe();
    data += data_of(batch->items);
  };
  while (source->figures().reads == 1) read_for(std::chrono::milliseconds(20));
  EXPECT_EQ(data, by_xid() ? "" : "1");
  other->run("COMMIT");
  if (data.empty()) read_for(std::chrono::seconds(30));
  EXPECT_EQ(data, "1");
}

TEST_P(OutboxCursor, Fault11PassesTheGapsThatRollbacksLeave) {
  const auto source = open();
  const auto session = writer();
  for (int number = 1; number <= 20; ++number) {
    session->run("BEGIN");
    session->insert("a", number);
    session->run(number % 2 == 0 ? "COMMIT" : "ROLLBACK");
  }
  // Numbers that a crash of the server has thrown away.
  outbox().execute("SELECT setval('shop.outbox_seq_seq', 52)");
  EXPECT_EQ(read_until(*source, 10).size(), 10U);
  ASSERT_TRUE(source->settle(ReadMark{10}));
  outbox().insert("a", 21);
  EXPECT_EQ(data_of(read_until(*source, 1)), "21");
  EXPECT_EQ(poll_for_a_while(*source), "");
  ASSERT_TRUE(source->settle(ReadMark{11}));
  const std::string position = outbox().checkpoints().position("orders");
  EXPECT_TRUE(by_xid() || position.starts_with("54.. seen ")) << position;
}

// Pitfalls: "xmin horizon held".
TEST_P(OutboxCursor, Fault9WaitsForAPreparedTransaction) {
  if (outbox().value("SHOW max_prepared_transactions") == "0") GTEST_SKIP() << "max_prepared_transactions is 0";
  auto source = open();
  const auto late = writer();
  late->run("BEGIN");
  late->insert("a", 1);
  const std::string name = by_xid() ? "'late_for_xid'" : "'late_for_writers'";
  late->run("PREPARE TRANSACTION " + name);
  outbox().insert("b", 2);
  read_past_the_hole(*source, "2");
  source = nullptr;
  source = open();
  EXPECT_EQ(poll_for_a_while(*source), "");
  late->run("COMMIT PREPARED " + name);
  EXPECT_EQ(data_of(read_until(*source, by_xid() ? 2 : 1)), by_xid() ? "1 2" : "1");
}

// Pitfalls: "xmin horizon held": pid, application and age are named.
TEST_P(OutboxCursor, Fault9NamesTheTransactionThatHoldsItBack) {
  const auto source = open();
  const auto late = writer();
  late->run("SET application_name = 'checkout'; BEGIN");
  late->insert("a", 1);
  const std::string pid = late->run("SELECT pg_backend_pid()");
  outbox().insert("b", 2);
  const auto deadline = Deadline::in(std::chrono::seconds(20));
  while (!source->figures().held_back_by && !deadline.expired()) read(*source);
  const auto blocker = source->figures().held_back_by;
  ASSERT_TRUE(blocker);
  EXPECT_EQ(std::to_string(blocker->pid), pid);
  EXPECT_EQ(blocker->application, "checkout");
  EXPECT_EQ(blocker->age_is, connectors::Blocker::Age::kKnown);
  EXPECT_GE(blocker->age.count(), 0);
  late->run("COMMIT");
  while (source->figures().held_back_by && !deadline.expired()) read(*source);
  EXPECT_FALSE(source->figures().held_back_by);
  EXPECT_EQ(outbox().log().count(LogLevel::kWarn), 1U) << outbox().log().text();
  EXPECT_EQ(outbox().log().count(LogLevel::kInfo), 1U) << outbox().log().text();
}

// Who may not see since when it is open says so, and not that it was opened just now.
TEST_P(OutboxCursor, Fault9DoesNotInventTheAgeOfATransactionThatItMayNotSee) {
  const TestRole role(outbox().url());
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT ON shop.outbox");
  role.grant("SELECT ON ALL SEQUENCES IN SCHEMA shop");
  outbox().settings().url = role.url();
  auto source = open();
  const auto late = writer();
  late->run("BEGIN");
  late->insert("a", 1);
  outbox().insert("b", 2);
  EXPECT_TRUE(eventually([&] {
    read(*source);
    const auto blocker = source->figures().held_back_by;
    return blocker && blocker->age.count() > 0;
  }));
  const auto blocker = source->figures().held_back_by;
  ASSERT_TRUE(blocker);
  EXPECT_EQ(blocker->age_is, connectors::Blocker::Age::kAtLeast);
  EXPECT_NE(outbox().log().text().find("GRANT pg_read_all_stats"), std::string::npos) << outbox().log().text();
  late->run("COMMIT");
  source = nullptr;
}

TEST_P(OutboxCursor, Fault9NamesAPreparedTransaction) {
  if (outbox().value("SHOW max_prepared_transactions") == "0") GTEST_SKIP() << "max_prepared_transactions is 0";
  const auto source = open();
  const auto late = writer();
  late->run("BEGIN");
  late->insert("a", 1);
  const std::string name = by_xid() ? "forgotten_for_xid" : "forgotten_for_writers";
  late->run("PREPARE TRANSACTION '" + name + "'");
  outbox().insert("b", 2);
  const auto deadline = Deadline::in(std::chrono::seconds(20));
  while (!source->figures().held_back_by && !deadline.expired()) read(*source);
  const auto blocker = source->figures().held_back_by;
  late->run("COMMIT PREPARED '" + name + "'");
  ASSERT_TRUE(blocker);
  EXPECT_EQ(blocker->pid, 0);
  EXPECT_EQ(blocker->application, "prepared " + name);
}

TEST_P(OutboxCursor, NamesTheDatabaseOfATransactionOfAnother) {
  if (!by_xid()) GTEST_SKIP() << "only guard \"xid\" waits for those";
  const FreshDatabase other;
  const auto source = open();
  Writer stranger(other.url());
  stranger.run("SET application_name = 'report'; BEGIN; CREATE TABLE t()");
  outbox().insert("b", 2);
  const auto deadline = Deadline::in(std::chrono::seconds(20));
  while (!source->figures().held_back_by && !deadline.expired()) read(*source);
  const auto blocker = source->figures().held_back_by;
  const std::string name = stranger.run("SELECT current_database()");
  stranger.run("ROLLBACK");
  ASSERT_TRUE(blocker);
  EXPECT_EQ(blocker->application, "report in database " + name);
}

TEST_P(OutboxCursor, DeliversNothingTwiceThoughAHoleHoldsItBack) {
  auto source = open();
  const auto late = writer();
  late->run("BEGIN");
  late->insert("a", 1);
  for (int number = 2; number <= 5; ++number) outbox().insert("b", number);
  read_past_the_hole(*source, "2 3 4 5");
  source = nullptr;
  source = open();
  EXPECT_EQ(poll_for_a_while(*source), "");
  late->run("COMMIT");
  EXPECT_EQ(data_of(read_until(*source, by_xid() ? 5 : 1)), by_xid() ? "1 2 3 4 5" : "1");
}

TEST_P(OutboxCursor, NeedsNoMoreThanTheRightToRead) {
  const TestRole role(outbox().url());
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT ON shop.outbox");
  if (!by_xid()) role.grant("SELECT ON SEQUENCE shop.outbox_seq_seq");
  outbox().settings().url = role.url();
  outbox().insert_many(5);
  {
    const auto source = open();
    ASSERT_EQ(read(*source).size(), 5U);
    ASSERT_TRUE(source->settle(ReadMark{5}));
  }
  EXPECT_EQ(outbox().rows(), 5U);
  EXPECT_EQ(read(*open()).size(), 0U);
}

// One row with a far too high number would let all that the sequence has yet to give be passed.
TEST_P(OutboxCursor, StopsAtANumberThatItsSequenceHasNotGivenYet) {
  if (by_xid()) GTEST_SKIP() << "transactions order the rows";
  auto source = open();
  outbox().insert("a", 1);
  ASSERT_EQ(data_of(read_until(*source, 1)), "1");
  ASSERT_TRUE(source->settle(ReadMark{1}));
  outbox().execute(
      "INSERT INTO shop.outbox(seq, aggregatetype, aggregateid, type, payload) OVERRIDING SYSTEM VALUE"
      " VALUES (1000000, 'order', 'a', 'counted', '2')");
  const auto batch = source->read(kMuchRoom, Deadline::in(std::chrono::seconds(1)), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "outbox.order_missing");
  EXPECT_EQ(batch.error().kind(), ErrorKind::kInvalid) << "which is tried again";
  outbox().insert("a", 3);
  outbox().execute("SELECT setval('shop.outbox_seq_seq', 1000000)");
  source = open();
  EXPECT_EQ(data_of(read_until(*source, 2)), "3 2");
}

// Row level security that hides a row from the role would let it be passed.
TEST_P(OutboxCursor, RefusesATableThatMayHideRows) {
  const TestRole role(outbox().url());
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT ON shop.outbox, shop.outbox_seq_seq");
  outbox().execute("ALTER TABLE shop.outbox ENABLE ROW LEVEL SECURITY");
  outbox().settings().url = role.url();
  outbox().insert("a", 1);
  const Status opened = try_open();
  ASSERT_EQ(code_of(opened), "outbox.unauthorized");
  const std::string& message = opened.error().message();
  outbox().execute(message.substr(message.find("CREATE POLICY")));
  EXPECT_EQ(data_of(read_until(*open(), 1)), "1");
}

TEST_P(OutboxCursor, StopsWhereRowsAreHiddenWhileItReads) {
  const TestRole role(outbox().url());
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT ON shop.outbox, shop.outbox_seq_seq");
  outbox().settings().url = role.url();
  auto source = open();
  outbox().insert("a", 1);
  ASSERT_EQ(data_of(read_until(*source, 1)), "1");
  ASSERT_TRUE(source->settle(ReadMark{1}));

  outbox().execute("CREATE POLICY shown ON shop.outbox FOR SELECT TO " + role.name() +
                   " USING (aggregateid <> 'hidden'); ALTER TABLE shop.outbox ENABLE ROW LEVEL SECURITY");
  outbox().insert("hidden", 2);
  outbox().insert("a", 3);
  const auto batch = source->read(kMuchRoom, Deadline::in(std::chrono::seconds(1)), {});
  ASSERT_FALSE(batch) << data_of(batch->items);
  EXPECT_EQ(batch.error().code().name, "outbox.unauthorized");
  EXPECT_EQ(code_of(try_open()), "outbox.unauthorized");

  outbox().execute("DROP POLICY shown ON shop.outbox; ALTER TABLE shop.outbox DISABLE ROW LEVEL SECURITY");
  source = open();
  EXPECT_EQ(data_of(read_until(*source, 2)), "2 3");
}

// A session that took numbers in advance uses the lower ones late.
TEST_P(OutboxCursor, StopsWhereItsSequenceComesToHandOutNumbersInAdvance) {
  if (by_xid()) GTEST_SKIP() << "transactions order the rows";
  auto source = open();
  outbox().insert("a", 1);
  ASSERT_EQ(data_of(read_until(*source, 1)), "1");
  ASSERT_TRUE(source->settle(ReadMark{1}));

  outbox().execute("ALTER SEQUENCE shop.outbox_seq_seq CACHE 20");
  auto late = writer();
  late->insert("a", 2);
  outbox().insert("a", 4);
  const auto batch = source->read(kMuchRoom, Deadline::in(std::chrono::seconds(1)), {});
  ASSERT_FALSE(batch) << data_of(batch->items);
  EXPECT_EQ(batch.error().code().name, "outbox.order_missing");
  late->insert("a", 3);
  EXPECT_EQ(code_of(try_open()), "outbox.order_missing");

  outbox().execute("ALTER SEQUENCE shop.outbox_seq_seq CACHE 1");
  late = nullptr;
  source = open();
  EXPECT_EQ(data_of(read_until(*source, 3)), "2 3 4");
}

// Numbers that start again are told by the sequence alone: who may not see it would pass rows in silence.
TEST_P(OutboxCursor, Fault22RefusesARoleThatMayNotSeeTheSequence) {
  const TestRole role(outbox().url());
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT ON shop.outbox");
  outbox().settings().url = role.url();
  const Status opened = try_open();
  if (by_xid()) {
    EXPECT_TRUE(opened) << opened.error().describe();
  } else {
    ASSERT_EQ(code_of(opened), "outbox.unauthorized");
    const std::string& message = opened.error().message();
    EXPECT_NE(message.find("SELECT on sequence shop.outbox_seq_seq"), std::string::npos) << message;
    outbox().execute(message.substr(message.find("GRANT")));
    EXPECT_EQ(code_of(try_open()), "ok");
  }
}

// Whoever writes to a child holds a lock on the child alone.
TEST_P(OutboxCursor, Fault10WaitsForWritersOfChildrenByInheritance) {
  outbox().execute(
      "CREATE TABLE shop.child (PRIMARY KEY (seq)) INHERITS (shop.outbox);"
      "ALTER TABLE shop.child ALTER seq SET DEFAULT nextval('shop.outbox_seq_seq')");
  auto source = open();
  const auto late = writer();
  late->run("BEGIN");
  late->run("INSERT INTO shop.child(aggregatetype, aggregateid, type, payload) VALUES ('order', 'a', 'counted', '1')");
  outbox().insert("b", 2);
  read_past_the_hole(*source, "2");
  source = nullptr;
  source = open();
  late->run("COMMIT");
  outbox().insert("a", 3);
  EXPECT_EQ(data_of(read_until(*source, by_xid() ? 3 : 2)), by_xid() ? "1 2 3" : "1 3");
}

TEST_P(OutboxCursor, RefusesNumbersThatAreNotUnique) {
  outbox().execute("ALTER TABLE shop.outbox DROP CONSTRAINT outbox_pkey; CREATE INDEX ON shop.outbox (seq)");
  EXPECT_EQ(code_of(try_open()), "outbox.order_missing");
}

INSTANTIATE_TEST_SUITE_P(Guard, OutboxCursor, testing::Values(KeepRows::Guard::kWriters, KeepRows::Guard::kXid),
                         [](const auto& guard) { return guard.param == KeepRows::Guard::kXid ? "Xid" : "Writers"; });

}  // namespace
}  // namespace penstock::tests
