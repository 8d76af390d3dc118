// Policy "cursor" over a table that no longer holds what was delivered: on record first, and read on from what it holds
// once an operator has looked at it.
#include "tests/integration/outbox/outbox_fixture.h"

namespace penstock::tests {
namespace {

using outbox::KeepRows;

class OutboxCursorLoss : public OutboxTest {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    use(", xid xid8 NOT NULL DEFAULT pg_current_xact_id()");
    guard(KeepRows::Guard::kWriters);
  }
  void guard(KeepRows::Guard guard) { outbox().settings().policy = KeepRows{guard, "xid"}; }
  void insert(int first, int last) {
    for (int number = first; number <= last; ++number) outbox().insert("a", number);
  }
  // Delivers so many rows, one after another, and stores how far that came.
  void deliver(std::size_t rows) {
    const auto source = open();
    ASSERT_EQ(read_until(*source, rows).size(), rows);
    for (std::uint64_t mark = 1; mark <= rows; ++mark) ASSERT_TRUE(source->settle(ReadMark{mark}));
  }
  // A source that has settled five rows, whose numbers then start again with the sixth.
  std::unique_ptr<connectors::Source> read_while_numbers_start_again() {
    insert(1, 5);
    auto source = open();
    EXPECT_EQ(read_until(*source, 5).size(), 5U);
    EXPECT_TRUE(source->settle(ReadMark{5}));
    outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
    insert(6, 6);
    return source;
  }
  // What another opening has to read.
  std::string rest(std::size_t rows) {
    const auto source = open();
    const std::string data = data_of(read_until(*source, rows));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(read(*source).size(), 0U);
    return data;
  }
  std::string position() { return outbox().checkpoints().position("orders"); }
  // Expects that openings fail with this code and leave one record, and that the checkpoint stays as it is.
  SourceGap refused_with(const std::string& code, std::size_t records = 1) {
    const std::string before = position();
    EXPECT_EQ(code_of(try_open()), code);
    EXPECT_EQ(code_of(try_open()), code) << "once on record";
    EXPECT_EQ(position(), before);
    EXPECT_EQ(outbox().gaps().records().size(), records);
    if (outbox().gaps().records().empty()) return {};
    const auto& last = outbox().gaps().records().back();
    EXPECT_EQ(last.gap.reason, code);
    EXPECT_EQ(last.source, "orders");
    return last.gap;
  }
};

// The everyday form: all numbers are given again.
TEST_F(OutboxCursorLoss, Fault22ReadsNumbersThatStartAgainOnceTheGapIsAcknowledged) {
  insert(1, 5);
  deliver(5);
  outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
  insert(6, 7);
  const SourceGap gap = refused_with("outbox.checkpoint_foreign");
  EXPECT_EQ(gap.from, Position{0});
  EXPECT_EQ(gap.to, Position{5});
  outbox().gaps().acknowledge_all();
  deliver(2);
  insert(8, 12);
  EXPECT_EQ(rest(5), "8 9 10 11 12") << "numbers that other rows had are read like any other";
}

TEST_F(OutboxCursorLoss, ReadsARowThatTookTheNumberOfOneKeptByReference) {
  insert(1, 5);
  deliver(5);
  outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
  insert(6, 8);
  refused_with("outbox.checkpoint_foreign");
  outbox().gaps().acknowledge_all();
  connectors::OpenRequest request;
  request.kept_by_reference = {"2"};
  const auto source = open(request);
  EXPECT_EQ(data_of(read_until(*source, 3)), "6 7 8");
}

TEST_F(OutboxCursorLoss, Fault22AsksAgainWhenNumbersStartAgainOnceMore) {
  insert(1, 1);
  for (std::size_t time = 1; time <= 3; ++time) {
    insert(2, 5);
    deliver(5);
    outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
    insert(1, 1);
    EXPECT_EQ(refused_with("outbox.checkpoint_foreign", time).to, Position{5});
    outbox().gaps().acknowledge_all();
  }
  EXPECT_EQ(rest(1), "1");
}

// Fault 22, under way: rows that get the numbers of delivered ones are not passed over in silence.
TEST_F(OutboxCursorLoss, Fault22NoticesThatNumbersStartAgainWhileItReads) {
  const auto source = read_while_numbers_start_again();
  const auto batch = source->read(kMuchRoom, Deadline::in(std::chrono::seconds(1)), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "outbox.checkpoint_foreign");
  EXPECT_NE(batch.error().message().find("stands at 1"), std::string::npos) << batch.error().message();
  EXPECT_EQ(outbox().gaps().records().size(), 1U);
  EXPECT_EQ(outbox().log().count(LogLevel::kError), 1U) << outbox().log().text();
}

// Before a row has one of the numbers.
TEST_F(OutboxCursorLoss, Fault22NoticesAtOnceThatTheSequenceIsStartedAnewWhileItReads) {
  insert(1, 5);
  const auto source = open();
  ASSERT_EQ(read_until(*source, 5).size(), 5U);
  ASSERT_TRUE(source->settle(ReadMark{5}));
  EXPECT_EQ(read(*source).size(), 0U);
  outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
  const auto batch = source->read(kMuchRoom, Deadline::in(std::chrono::seconds(1)), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "outbox.checkpoint_foreign");
  EXPECT_NE(batch.error().message().find("gives 1 next"), std::string::npos) << batch.error().message();
  ASSERT_EQ(outbox().gaps().records().size(), 1U);
  EXPECT_EQ(outbox().gaps().records()[0].gap.to, Position{5});
  outbox().gaps().acknowledge_all();
  insert(6, 7);
  EXPECT_EQ(rest(2), "6 7");
}

// A transaction of another server's that this one will come to in years.
TEST_F(OutboxCursorLoss, SaysThatRowsOfAnotherServerWouldNotBeReadWithGuardXid) {
  guard(KeepRows::Guard::kXid);
  insert(1, 2);
  outbox().execute("UPDATE shop.outbox SET xid = '500000000000' WHERE payload = '2'");
  const Status refused = try_open();
  ASSERT_EQ(code_of(refused), "outbox.order_missing");
  const std::string message = refused.error().message();
  ASSERT_NE(message.find("UPDATE"), std::string::npos) << message;
  outbox().execute(message.substr(message.find("UPDATE")));
  auto source = open();
  EXPECT_EQ(data_of(read_until(*source, 2)), "1 2");
  ASSERT_TRUE(source->settle(ReadMark{2}));
  source = nullptr;
  source = open();
  insert(3, 3);
  outbox().execute("UPDATE shop.outbox SET xid = '500000000000' WHERE payload = '3'");
  EXPECT_EQ(read(*source).size(), 0U);
  const auto batch = source->read(kMuchRoom, Deadline::in(std::chrono::seconds(10)), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "outbox.order_missing");
}

// Of an id that a checkpoint can't hold as it is: bytes, long, inside of a JSON column.
TEST_F(OutboxCursorLoss, Fault22KnowsARowByAnIdOfAnyKind) {
  using Id = connectors::ColumnOrConstant;
  struct Case {
    std::string type, value;
    Id id;
  };
  const Case cases[] = {
      {"bytea", "uuid_send(gen_random_uuid())", {Id::Is::kColumn, "id"}},
      {"text", "repeat('order ', 20) || gen_random_uuid()", {Id::Is::kColumn, "id"}},
      {"jsonb", "jsonb_build_object('id', gen_random_uuid(), 'note', 1)", {Id::Is::kPointer, "id", "/id"}},
  };
  for (const Case& one : cases) {
    use("");
    guard(KeepRows::Guard::kWriters);
    outbox().settings().id_kind = outbox::IdKind::kAny;
    outbox().settings().columns[outbox::Role::kId] = one.id;
    outbox().execute("ALTER TABLE shop.outbox DROP COLUMN id, ADD COLUMN id " + one.type + " DEFAULT " + one.value);
    insert(1, 5);
    deliver(5);
    if (one.type == "jsonb") outbox().execute("UPDATE shop.outbox SET id = id || '{\"note\":2}'");
    EXPECT_EQ(rest(0), "") << one.type;
    outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
    insert(6, 15);
    EXPECT_EQ(refused_with("outbox.checkpoint_foreign").to, Position{5}) << one.type;
  }
}

// An upgrade gives a server another name, a dump a table another number.
TEST_F(OutboxCursorLoss, Fault22ReadsBehindWhatWasDeliveredWhereTheTableWasMadeAnewWithItsRows) {
  insert(1, 5);
  deliver(5);
  outbox().execute(
      "ALTER TABLE shop.outbox RENAME TO before; CREATE TABLE shop.outbox (LIKE shop.before INCLUDING ALL);"
      " INSERT INTO shop.outbox OVERRIDING SYSTEM VALUE SELECT * FROM shop.before;"
      " SELECT setval(pg_get_serial_sequence('shop.outbox', 'seq'), 5)");
  insert(6, 7);
  const SourceGap gap = refused_with("outbox.checkpoint_foreign");
  EXPECT_EQ(gap.from, Position{5});
  outbox().gaps().acknowledge_all();
  EXPECT_EQ(rest(2), "6 7");
}

// Data protection: nothing of the row is left to tell it by, and no other has taken its number.
TEST_F(OutboxCursorLoss, TakesADeliveredRowThatWasEmptiedForOneThatIsGone) {
  outbox().settings().columns[outbox::Role::kId] = {connectors::ColumnOrConstant::Is::kPointer, "id", "/id"};
  outbox().execute(
      "ALTER TABLE shop.outbox DROP COLUMN id, ADD COLUMN id jsonb"
      " DEFAULT jsonb_build_object('id', gen_random_uuid())");
  insert(1, 5);
  const auto source = open();
  ASSERT_EQ(read_until(*source, 5).size(), 5U);
  ASSERT_TRUE(source->settle(ReadMark{5}));
  outbox().execute("UPDATE shop.outbox SET id = '{}'");
  insert(6, 6);
  EXPECT_EQ(data_of(read_until(*source, 1)), "6");
  source->close();
  EXPECT_EQ(rest(1), "6");
  EXPECT_TRUE(outbox().gaps().records().empty());
  outbox().execute("UPDATE shop.outbox SET id = jsonb_build_object('id', gen_random_uuid())");
  EXPECT_EQ(refused_with("outbox.checkpoint_foreign").to, Position{5});
}

TEST_F(OutboxCursorLoss, TakesACleanUpAndARaisedSequenceForWhatTheyAre) {
  insert(1, 5);
  const auto source = open();
  ASSERT_EQ(read_until(*source, 5).size(), 5U);
  ASSERT_TRUE(source->settle(ReadMark{5}));
  outbox().execute("TRUNCATE shop.outbox");
  EXPECT_EQ(read(*source).size(), 0U);
  outbox().execute("ALTER TABLE shop.outbox ALTER seq RESTART WITH 1000");
  EXPECT_EQ(read(*source).size(), 0U);
  insert(6, 6);
  EXPECT_EQ(data_of(read_until(*source, 1)), "6");
  EXPECT_TRUE(outbox().gaps().records().empty());
}

TEST_F(OutboxCursorLoss, Fault22LeavesTransactionsToOrderNumbersThatStartAgain) {
  guard(KeepRows::Guard::kXid);
  const auto source = read_while_numbers_start_again();
  EXPECT_EQ(data_of(read_until(*source, 1)), "6");
  EXPECT_TRUE(outbox().gaps().records().empty());
}

// Where the last one that was delivered stood there is none now, but others stand where older ones did.
TEST_F(OutboxCursorLoss, Fault22NoticesATableThatWasFilledAnewWithAHole) {
  insert(1, 5);
  deliver(5);
  outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
  insert(6, 11);
  outbox().execute("DELETE FROM shop.outbox WHERE seq = 5");
  refused_with("outbox.checkpoint_foreign");
  outbox().gaps().acknowledge_all();
  EXPECT_EQ(rest(5), "6 7 8 9 11");
}

// The new numbers have passed the old ones before anybody looked, and nobody is told of the sequence.
TEST_F(OutboxCursorLoss, Fault22NoticesNumbersThatHaveStartedAgainAndCaughtUp) {
  outbox().execute("ALTER TABLE shop.outbox ALTER seq DROP IDENTITY");
  const auto insert_numbers = [this](int first, int last) {
    outbox().execute(
        "INSERT INTO shop.outbox(seq, id, aggregatetype, aggregateid, type, payload) SELECT n,"
        " gen_random_uuid(), 'order', 'a', 'counted', to_jsonb(n) FROM generate_series(" +
        std::to_string(first) + ", " + std::to_string(last) + ") n");
  };
  insert_numbers(1, 5);
  const auto source = open();
  ASSERT_EQ(read_until(*source, 5).size(), 5U);
  ASSERT_TRUE(source->settle(ReadMark{5}));
  insert_numbers(6, 7);
  ASSERT_EQ(data_of(read_until(*source, 2)), "6 7");
  outbox().execute("TRUNCATE shop.outbox");
  insert_numbers(1, 9);
  const auto batch = source->read(kMuchRoom, Deadline::in(std::chrono::seconds(1)), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "outbox.checkpoint_foreign");
  EXPECT_EQ(outbox().gaps().records().at(0).gap.to, Position{7}) << "handed out, though not settled";
  refused_with("outbox.checkpoint_foreign");
  outbox().gaps().acknowledge_all();
  EXPECT_EQ(rest(9), "1 2 3 4 5 6 7 8 9");
}

// What was noticed stays so, though the table shows nothing of it any more.
TEST_F(OutboxCursorLoss, Fault22RemembersWhatItCouldNotPutOnRecord) {
  const auto source = read_while_numbers_start_again();
  outbox().gaps().set_reachable(false);
  const auto batch = source->read(kMuchRoom, Deadline::in(std::chrono::seconds(1)), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "store.unavailable");
  insert(7, 9);
  // The number of the witness is skipped, as a rollback would.
  outbox().execute("SELECT setval('shop.outbox_seq_seq', 5)");
  outbox().gaps().set_reachable(true);
  EXPECT_EQ(code_of(source->open({}, Deadline::in(std::chrono::seconds(10)), {})), "outbox.checkpoint_foreign");
  outbox().gaps().acknowledge_all();
  EXPECT_EQ(rest(4), "6 7 8 9");
}

// A backup was put back: its rows are those that were delivered, up to where it was made.
TEST_F(OutboxCursorLoss, Fault22GoesOnBehindWhatARestoredBackupHolds) {
  insert(1, 200);
  deliver(200);
  outbox().execute("DELETE FROM shop.outbox WHERE seq > 190; SELECT setval('shop.outbox_seq_seq', 190)");
  insert(201, 203);
  const SourceGap gap = refused_with("outbox.lost_tail");
  EXPECT_GE(gap.from, Position{200 - 10 * 17}) << "not many times as far as was lost";
  EXPECT_LE(gap.from, Position{190});
  EXPECT_EQ(gap.to, Position{200});
  outbox().gaps().acknowledge_all();
  const auto count = static_cast<std::size_t>(193 - gap.from.value);
  const std::string data = rest(count);
  EXPECT_TRUE(data.ends_with(" 190 201 202 203")) << data;
  EXPECT_TRUE(data.starts_with(std::to_string(gap.from.value + 1) + " ")) << data;
}

// While the gap waits the numbers catch up; what was delivered is judged by how it was found.
TEST_F(OutboxCursorLoss, Fault22GoesOnWhereTheRecordSaysThoughNumbersHaveCaughtUp) {
  insert(1, 200);
  deliver(200);
  // Rows that lie above the sequence, as after a setval() by hand.
  outbox().execute("DELETE FROM shop.outbox WHERE seq BETWEEN 101 AND 199; SELECT setval('shop.outbox_seq_seq', 100)");
  const SourceGap gap = refused_with("outbox.lost_tail");
  EXPECT_LE(gap.from, Position{100});
  insert(301, 399);
  outbox().execute("SELECT setval('shop.outbox_seq_seq', 200)");
  insert(401, 401);
  outbox().gaps().acknowledge_all();
  const std::string data = rest(static_cast<std::size_t>(201 - gap.from.value));
  EXPECT_NE(data.find(" 301 302 "), std::string::npos) << data;
  EXPECT_TRUE(data.ends_with(" 399 200 401")) << data;
}

TEST_F(OutboxCursorLoss, Fault22TakesACleanUpForNoLoss) {
  insert(1, 5);
  deliver(5);
  outbox().execute("DELETE FROM shop.outbox");
  EXPECT_EQ(rest(0), "");
  insert(6, 8);
  deliver(3);
  outbox().execute("DELETE FROM shop.outbox WHERE seq = 8");
  insert(9, 9);
  EXPECT_EQ(rest(1), "9");
  EXPECT_TRUE(outbox().gaps().records().empty());
}

TEST_F(OutboxCursorLoss, GoesOnUnaskedWhereTheRouteMay) {
  outbox().settings().on_lost_tail = connectors::OnLostTail::kContinue;
  insert(1, 5);
  deliver(5);
  outbox().execute("DELETE FROM shop.outbox WHERE seq > 3; SELECT setval('shop.outbox_seq_seq', 3)");
  insert(6, 7);
  const std::string data = rest(4);
  EXPECT_TRUE(data.ends_with(" 3 6 7")) << data;
  ASSERT_EQ(outbox().gaps().records().size(), 1U);
  EXPECT_EQ(outbox().gaps().records().front().gap.reason, "outbox.lost_tail");

  outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
  insert(8, 8);
  EXPECT_EQ(code_of(try_open()), "outbox.checkpoint_foreign") << "of another table it can't know what was delivered";
}

// The program ends between any two steps: the record is there before a checkpoint passes it, and is passed once.
TEST_F(OutboxCursorLoss, Fault22PutsTheGapOnRecordBeforeAnyPositionPassesIt) {
  insert(1, 5);
  deliver(5);
  const std::string before = position();
  outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
  insert(6, 6);
  outbox().gaps().set_reachable(false);
  EXPECT_EQ(code_of(try_open()), "store.unavailable");
  EXPECT_EQ(position(), before);
  outbox().gaps().set_reachable(true);
  refused_with("outbox.checkpoint_foreign");
  outbox().gaps().acknowledge_all();
  outbox().checkpoints().set_reachable(false);
  EXPECT_EQ(code_of(try_open()), "store.unavailable");
  EXPECT_EQ(position(), before);
  outbox().checkpoints().set_reachable(true);
  EXPECT_EQ(rest(1), "6");
  EXPECT_EQ(position(), ".. gap 1");
  EXPECT_EQ(outbox().gaps().records().size(), 1U);
  EXPECT_EQ(rest(1), "6") << "nothing of it was settled";
}

class OutboxCursorForeign : public OutboxCursorLoss, public testing::WithParamInterface<KeepRows::Guard> {
 protected:
  void SetUp() override {
    OutboxCursorLoss::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    guard(GetParam());
  }
  bool by_xid() const { return GetParam() == KeepRows::Guard::kXid; }
};

TEST_P(OutboxCursorForeign, ReadsAnotherTableFromTheBeginningOnceThatIsAcknowledged) {
  insert(1, 3);
  deliver(3);
  outbox().execute(
      "CREATE TABLE shop.other (LIKE shop.outbox INCLUDING ALL); DROP TABLE shop.outbox;"
      " ALTER TABLE shop.other RENAME TO outbox");
  insert(4, 5);
  const SourceGap gap = refused_with("outbox.checkpoint_foreign");
  EXPECT_EQ(gap.from, Position{0});
  EXPECT_EQ(gap.to, Position{3});
  outbox().gaps().acknowledge_all();
  deliver(2);
  EXPECT_EQ(rest(0), "");
}

TEST_P(OutboxCursorForeign, ReadsFromTheBeginningUnderAnotherGuardOnceThatIsAcknowledged) {
  insert(1, 2);
  deliver(2);
  guard(by_xid() ? KeepRows::Guard::kWriters : KeepRows::Guard::kXid);
  refused_with("outbox.checkpoint_foreign");
  outbox().gaps().acknowledge_all();
  deliver(2);
  EXPECT_EQ(rest(0), "");
}

TEST_P(OutboxCursorForeign, Fault16RefusesAFormerPrimaryWithoutARecord) {
  insert(1, 2);
  deliver(2);
  auto checkpoint = outbox().checkpoints().load("orders").value().value();
  ++checkpoint.timeline;
  outbox().checkpoints().put("orders", checkpoint);
  EXPECT_EQ(code_of(try_open()), "outbox.unavailable");
  EXPECT_TRUE(outbox().gaps().records().empty());
}

INSTANTIATE_TEST_SUITE_P(Guard, OutboxCursorForeign, testing::Values(KeepRows::Guard::kWriters, KeepRows::Guard::kXid),
                         [](const auto& guard) { return guard.param == KeepRows::Guard::kXid ? "Xid" : "Writers"; });

// A backup was put back whose transactions end before the last one that was delivered.
TEST_F(OutboxCursorLoss, Fault22NoticesTransactionsThatComeAgain) {
  guard(KeepRows::Guard::kXid);
  insert(1, 2);
  deliver(2);
  auto checkpoint = outbox().checkpoints().load("orders").value().value();
  checkpoint.position = "xid 9000000000000:2";
  outbox().checkpoints().put("orders", checkpoint);
  const SourceGap gap = refused_with("outbox.checkpoint_foreign");
  EXPECT_EQ(gap.to, Position{2});
  outbox().gaps().acknowledge_all();
  EXPECT_EQ(rest(2), "1 2");
}

}  // namespace
}  // namespace penstock::tests
