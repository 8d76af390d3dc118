// What a wal source reads from a real server.
#include <string>

#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"
#include "tests/support/peak_memory.h"

namespace penstock::tests {
namespace {

using connectors::ReadRoom;

// Whoever looks at it has lost 10 ms.
class HurriedClock final : public Clock {
 public:
  Timestamp wall_now() const override { return system_.wall_now(); }
  SteadyTime now() const override { return start_ + ++looks_ * std::chrono::milliseconds(10); }

 private:
  SystemClock system_;
  const SteadyTime start_ = system_.now();
  mutable int looks_ = 0;
};

class WalReading : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>(", note text");
    outbox_->create_publication_and_slot();
    reader_ = std::make_unique<WalReader>(*outbox_);
    const auto opened = reader_->open();
    ASSERT_TRUE(opened) << opened.error().describe();
  }
  void TearDown() override { reader_.reset(); }

  // A new opening, once the server has noticed the end of the last one.
  void reopen() {
    reader_.reset();
    reader_ = std::make_unique<WalReader>(*outbox_);
    ASSERT_TRUE(eventually([&] { return reader_->open().has_value(); }));
  }
  // Transactions are streamed while they run, as soon as they are larger than the server's least memory for one.
  void decode_in_pieces() {
    outbox_->execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET logical_decoding_work_mem = ''64kB''', current_database());"
        " END $$");
    reopen();
  }

  std::unique_ptr<WalOutbox> outbox_;
  std::unique_ptr<WalReader> reader_;
};

// Pitfall: insert + delete in one transaction: pollers never see it.
TEST_F(WalReading, DeliversRowsThatTheirTransactionDeletesAgain) {
  outbox_->execute("BEGIN;" + WalOutbox::insert_statement("a", 1) + WalOutbox::insert_statement("a", 2) +
                   "DELETE FROM shop.outbox; COMMIT;");
  EXPECT_EQ(data_of(reader_->read(2)), "1 2");
  EXPECT_EQ(outbox_->value("SELECT count(*) FROM shop.outbox"), "0");
}

TEST_F(WalReading, PassesOverWhatWasRolledBack) {
  outbox_->execute("BEGIN;" + WalOutbox::insert_statement("a", 1) + "ROLLBACK;");
  outbox_->execute("BEGIN;" + WalOutbox::insert_statement("a", 2) + "SAVEPOINT s;" +
                   WalOutbox::insert_statement("a", 3) + "ROLLBACK TO s;" + WalOutbox::insert_statement("a", 4) +
                   "COMMIT;");
  EXPECT_EQ(data_of(reader_->read(2)), "2 4");
}

// Pitfalls "replica identity" and "TOAST unchanged": a table without a key takes UPDATE and DELETE, since only inserts
// are published, and a row that was changed before it was read comes as it was inserted.
TEST_F(WalReading, LeavesTheTableToThoseWhoChangeItsRows) {
  outbox_->execute(
      "ALTER TABLE shop.outbox DROP CONSTRAINT outbox_pkey; ALTER TABLE shop.outbox ALTER note SET STORAGE EXTERNAL");
  const std::string long_note(100'000, 'n');
  outbox_->execute("BEGIN;" + WalOutbox::insert_statement("a", 1) + "UPDATE shop.outbox SET note = '" + long_note +
                   "'; COMMIT;");
  outbox_->execute("UPDATE shop.outbox SET aggregateid = 'b'");
  outbox_->execute("DELETE FROM shop.outbox");
  outbox_->insert("c", 2);
  const auto items = reader_->read(2);
  EXPECT_EQ(data_of(items), "1 2");
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].event->key, "a");
}

// Pitfall: rows of one transaction share an LSN: they are told apart by their index.
TEST_F(WalReading, NumbersTheRowsOfATransaction) {
  outbox_->execute("BEGIN;" + WalOutbox::insert_statement("a", 1) + WalOutbox::insert_statement("a", 2) + "COMMIT;");
  const auto items = reader_->read(2);
  ASSERT_EQ(items.size(), 2u);
  const std::string_view first = items[0].event->source_position, second = items[1].event->source_position;
  EXPECT_TRUE(first.ends_with(":1")) << first;
  EXPECT_TRUE(second.ends_with(":2")) << second;
  EXPECT_EQ(first.substr(0, first.find(':')), second.substr(0, second.find(':')));
}

// Pitfall: rows that share an LSN must survive a restart between them.
TEST_F(WalReading, GoesOnInTheMiddleOfATransactionAfterARestart) {
  std::string rows;
  for (int number = 1; number <= 7; ++number) rows += WalOutbox::insert_statement("a", number);
  outbox_->execute("BEGIN;" + rows + "COMMIT;");
  const auto before = reader_->read(5);
  ASSERT_TRUE(reader_->source().settle(before[2].mark));
  reopen();
  const auto after = reader_->read(4);
  EXPECT_EQ(data_of(after), "4 5 6 7");
  EXPECT_EQ(after[0].event->source_position, before[3].event->source_position);
  EXPECT_EQ(after[0].event->id, before[3].event->id);
  outbox_->insert("a", 8);
  EXPECT_EQ(data_of(reader_->read(1)), "8");
}

// Pitfall: streamed chunks must be dropped on abort, sub-transaction aware.
TEST_F(WalReading, PutsStreamedTransactionsTogetherWithoutWhatWasRolledBack) {
  decode_in_pieces();
  const auto rows = [](int first, int last) {
    return "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload, note) SELECT 'order', 'a', 'counted',"
           " to_jsonb(i), repeat('x', 200) FROM generate_series(" +
           std::to_string(first) + ", " + std::to_string(last) + ") i;";
  };
  outbox_->execute("BEGIN;" + rows(1, 3'000) + "SAVEPOINT s;" + rows(3'001, 6'000) + "ROLLBACK TO s;" +
                   rows(6'001, 7'000) + "COMMIT;");
  outbox_->execute("BEGIN;" + rows(9'001, 12'000) + "ROLLBACK;");
  outbox_->insert("a", 7'001);
  const auto items = reader_->read(4'001);
  int expected = 0;
  for (const auto& item : items) {
    ++expected;
    if (expected == 3'001) expected = 6'001;
    ASSERT_EQ(item.event->data, std::to_string(expected));
  }
  EXPECT_EQ(expected, 7'001);
}

// A handler around each row, as a loop of a procedure has it, makes each a sub-transaction.
TEST_F(WalReading, PutsATransactionOfManySubTransactionsTogether) {
  decode_in_pieces();
  const std::string insert =
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload, note)"
      " VALUES ('order', 'a', 'counted', to_jsonb(i), repeat('x', 100));";
  outbox_->execute("DO $$ BEGIN FOR i IN 1..20000 LOOP BEGIN " + insert +
                   " IF i % 5 = 0 THEN RAISE 'no'; END IF;"
                   " EXCEPTION WHEN raise_exception THEN NULL; END; END LOOP;"
                   " BEGIN FOR i IN 20001..22000 LOOP BEGIN " +
                   insert +
                   " EXCEPTION WHEN raise_exception THEN NULL; END; END LOOP;"
                   " RAISE 'no'; EXCEPTION WHEN raise_exception THEN NULL; END; END $$");
  outbox_->insert("a", 22'001);
  const auto items = reader_->read(16'001);
  int expected = 0;
  for (const auto& item : items) {
    if (++expected % 5 == 0) ++expected;
    if (expected == 20'001) expected = 22'001;
    ASSERT_EQ(item.event->data, std::to_string(expected));
  }
  EXPECT_EQ(expected, 22'001);
}

// Reading a large transaction back up to where a source was takes long, and the server must hear of us.
TEST_F(WalReading, DoesNotPassWhatItKnowsInOneGo) {
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) SELECT 'order', 'a', 'counted', to_jsonb(i)"
      " FROM generate_series(1, 1000) i");
  const auto before = reader_->read(1'000);
  ASSERT_TRUE(reader_->source().settle(before[989].mark));
  reader_.reset();
  const HurriedClock clock;
  SeededRandom random(1);
  const auto source = wal::make_wal_source(outbox_->settings(), outbox_->checkpoints(), outbox_->gaps(),
                                           {clock, random, outbox_->log(), "test"});
  ASSERT_TRUE(eventually(
      [&] { return source->open(outbox_->request(), Deadline::in(std::chrono::seconds(20)), {}).has_value(); }));
  int empty = 0;
  for (std::size_t items = 0; items < 10;) {
    const auto batch =
        source->read({10, 1 << 20, ReadRoom::Window::kEmpty}, Deadline::in(std::chrono::seconds(20)), {});
    ASSERT_TRUE(batch) << batch.error().describe();
    items += batch->items.size();
    if (batch->items.empty()) ++empty;
  }
  EXPECT_GT(empty, 3);
}

// Pitfall: schema change mid-stream: additive columns are taken as they come.
TEST_F(WalReading, TakesAColumnThatIsAddedWhileItReads) {
  outbox_->insert("a", 1);
  outbox_->execute("ALTER TABLE shop.outbox ADD COLUMN tenant text DEFAULT 'acme'");
  outbox_->insert("a", 2);
  const auto items = reader_->read(2);
  ASSERT_EQ(data_of(items), "1 2");
  EXPECT_EQ(items[0].event->metadata, "{}");
  EXPECT_EQ(items[1].event->metadata, R"({"tenant":"acme"})");
}

// Fault 21: schema drift: a mapped column that goes stops this source, and a column that comes back heals it.
TEST_F(WalReading, Fault21StopsInWordsWhenAMappedColumnIsRenamed) {
  outbox_->execute("ALTER TABLE shop.outbox RENAME COLUMN payload TO body");
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, body) VALUES ('order','a','counted','1')");
  const auto read =
      reader_->source().read({10, 1 << 20, ReadRoom::Window::kEmpty}, Deadline::in(std::chrono::seconds(20)), {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code().name, "outbox.table_missing");
  EXPECT_NE(read.error().message().find("payload"), std::string::npos) << read.error().message();
}

// Fault 22: rows deleted, TRUNCATE: the log has them all the same.
TEST_F(WalReading, Fault22ReadsWhatWasTruncatedBeforeItWasRead) {
  outbox_->insert("a", 1);
  outbox_->execute("TRUNCATE shop.outbox");
  EXPECT_EQ(data_of(reader_->read(1)), "1");
}

// Pitfall: LSN confirm ordering: only the contiguous settled prefix is confirmed to the server.
TEST_F(WalReading, ConfirmsToTheServerWhatIsSettledAndNoMore) {
  const auto confirmed = [&] {
    return *wal::parse_lsn(outbox_->value("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '" +
                                          outbox_->settings().slot + "'"));
  };
  outbox_->insert("a", 1);
  outbox_->insert("a", 2);
  const auto items = reader_->read(2);
  const auto end_of = [&](std::size_t item) {
    const std::string_view position = items[item].event->source_position;
    return *wal::parse_lsn(position.substr(0, position.find(':')));
  };
  ASSERT_TRUE(reader_->source().settle(items[0].mark));
  EXPECT_TRUE(eventually([&] { return confirmed() >= end_of(0); }));
  EXPECT_LT(confirmed(), end_of(1));
  ASSERT_TRUE(reader_->source().settle(items[1].mark));
  EXPECT_TRUE(eventually([&] { return confirmed() >= end_of(1); }));
}

// Fault 20: a transaction of 100 MB is read whole and in order, in bounded memory.
// Pitfall "long/large transactions".
TEST_F(WalReading, Fault20ReadsAHugeTransactionInBoundedMemory) {
  constexpr int kRows = 50'000;
  const std::size_t before = peak_memory_kib();
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload, note) SELECT 'order', 'a', 'counted',"
      " to_jsonb(i), repeat('x', 2000) FROM generate_series(1, " +
      std::to_string(kRows) + ") i");
  int number = 0;
  const Deadline deadline = Deadline::in(std::chrono::seconds(100));
  while (number < kRows && !deadline.expired()) {
    const auto batch = reader_->source().read({1'000, 4 << 20, ReadRoom::Window::kEmpty}, deadline, {});
    ASSERT_TRUE(batch) << batch.error().describe();
    for (const auto& item : batch->items) ASSERT_EQ(item.event->data, std::to_string(++number));
    if (batch->items.empty()) continue;
    ASSERT_TRUE(reader_->source().settle(batch->items.back().mark));
  }
  EXPECT_EQ(number, kRows);
  EXPECT_LT(peak_memory_kib() - before, 40U << 10);
}

// Fault 20: the client library holds a row once; nothing is added to that.
TEST_F(WalReading, Fault20ParksAHugeRowWithoutACopyOfIt) {
  constexpr std::size_t kRowMib = 100;
  forget_peak_memory();
  const std::size_t before = peak_memory_kib();
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) VALUES ('order', 'a', 'large',"
      " to_jsonb(repeat('x', " +
      std::to_string(kRowMib << 20) + ")))");
  outbox_->insert("a", 2);
  const auto items = reader_->read(2);
  ASSERT_EQ(data_of(items), "! 2");
  EXPECT_EQ(items[0].malformed->key, "a");
  EXPECT_EQ(items[0].malformed->reason, "table shop.outbox: the payload has " + std::to_string((kRowMib << 20) + 2) +
                                            " bytes, and [limits] event_bytes allows 1048576");
  EXPECT_LT(peak_memory_kib() - before, (kRowMib + 15) << 10);
}

// Long enough to come in pieces, and each byte has to be there.
TEST_F(WalReading, ReadsALargeRowWholeWhereEventsMayBeSoLarge) {
  outbox_->settings().rows.event_bytes = 32 << 20;
  reopen();
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) SELECT 'order', 'a', 'large',"
      " to_jsonb((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 300000) i))");
  outbox_->insert("a", 2);
  const auto items = reader_->read(2);
  ASSERT_EQ(items.size(), 2U);
  ASSERT_FALSE(items[0].malformed) << items[0].malformed->reason;
  EXPECT_TRUE(items[0].event->data == outbox_->value("SELECT payload::text FROM shop.outbox WHERE type = 'large'"));
  EXPECT_EQ(items[1].event->data, "2");
}

TEST_F(WalReading, DeletesWhatIsSettledAndNoMore) {
  outbox_->settings().settle = wal::WalSettings::Settle::kDelete;
  reopen();
  for (int number = 1; number <= 4; ++number) outbox_->insert("a", number);
  outbox_->execute("DELETE FROM shop.outbox WHERE payload = '1'");  // by somebody else
  const auto items = reader_->read(4);
  ASSERT_TRUE(reader_->source().settle(items[1].mark));
  EXPECT_EQ(outbox_->value("SELECT string_agg(payload::text, ' ' ORDER BY seq) FROM shop.outbox"), "3 4");
  ASSERT_TRUE(reader_->source().settle(items[3].mark));
  EXPECT_EQ(outbox_->value("SELECT count(*) FROM shop.outbox"), "0");
}

// A poll gets them without their padding: one event would have two streams.
TEST_F(WalReading, LeavesThePaddingOfCharactersAway) {
  outbox_->execute(
      "CREATE DOMAIN shop.key AS char(12); ALTER TABLE shop.outbox ALTER id DROP DEFAULT, ALTER id TYPE char(40),"
      " ALTER aggregatetype TYPE char(8), ALTER aggregateid TYPE shop.key, ALTER type TYPE char(9),"
      " ALTER payload TYPE char(4)");
  outbox_->settings().settle = wal::WalSettings::Settle::kDelete;
  reopen();
  outbox_->execute(
      "INSERT INTO shop.outbox (id, aggregatetype, aggregateid, type, payload) VALUES"
      " (gen_random_uuid()::text, 'o', ' 7', 't', '1')");
  const auto items = reader_->read(1);
  ASSERT_EQ(data_of(items), "1");
  const auto& event = items[0].event;
  EXPECT_EQ(event->stream, "o- 7");
  EXPECT_EQ(event->category, "o");
  EXPECT_EQ(event->type, "t");
  ASSERT_TRUE(reader_->source().settle(items[0].mark));
  EXPECT_EQ(outbox_->value("SELECT count(*) FROM shop.outbox"), "0");
}

TEST_F(WalReading, DeletesALongBacklogInPieces) {
  outbox_->settings().settle = wal::WalSettings::Settle::kDelete;
  reopen();
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) SELECT 'order', 'a', 'counted',"
      " to_jsonb(i) FROM generate_series(1, 2500) i");
  const auto items = reader_->read(2'500);
  ASSERT_TRUE(reader_->source().settle(items[2'399].mark));
  EXPECT_EQ(outbox_->value("SELECT count(*) || ' from ' || min(payload::text::int) FROM shop.outbox"), "100 from 2401");
}

// An admin's session that holds rows must not bring the events again.
TEST_F(WalReading, GoesOnBehindASettledRowThatIsLockedAndDeletesItOnceItIsFree) {
  outbox_->settings().settle = wal::WalSettings::Settle::kDelete;
  reopen();
  const std::string holder = "'holder " + outbox_->settings().slot + "'";
  outbox_->insert("a", 1);
  const auto first = reader_->read(1);
  outbox_->execute("BEGIN; SELECT FROM shop.outbox FOR UPDATE; PREPARE TRANSACTION " + holder);
  ASSERT_TRUE(reader_->source().settle(first[0].mark));
  EXPECT_TRUE(reader_->source().figures().held_back_by);
  outbox_->insert("a", 2);
  const auto second = reader_->read(1);
  EXPECT_EQ(data_of(second), "2");
  ASSERT_TRUE(reader_->source().settle(second[0].mark));
  EXPECT_EQ(outbox_->unsettled(), 2U) << "what is locked is not passed";
  outbox_->execute("ROLLBACK PREPARED " + holder);
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(reader_->source().read({1, 1 << 20, connectors::ReadRoom::Window::kEmpty},
                                       Deadline::in(std::chrono::milliseconds(100)), {}));
    return outbox_->value("SELECT count(*) FROM shop.outbox") == "0";
  }));
  EXPECT_EQ(outbox_->log().count(LogLevel::kWarn), 1U) << outbox_->log().text();
  EXPECT_FALSE(reader_->source().figures().held_back_by);
}

// The parked list only names it.
TEST_F(WalReading, LeavesARowThatIsTooLargeWhereItIsWhenItDeletes) {
  outbox_->settings().settle = wal::WalSettings::Settle::kDelete;
  outbox_->settings().rows.event_bytes = 1'000;
  reopen();
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) VALUES ('order', 'a', 'large',"
      " to_jsonb(repeat('x', 5000)))");
  outbox_->insert("a", 2);
  const auto items = reader_->read(2);
  ASSERT_TRUE(reader_->source().settle(items[1].mark));
  EXPECT_EQ(outbox_->value("SELECT string_agg(type, ' ') FROM shop.outbox"), "large");
}

TEST_F(WalReading, ReadsTablesOfOtherPublishersNot) {
  outbox_->execute("CREATE TABLE shop.other(k int PRIMARY KEY); ALTER PUBLICATION p ADD TABLE shop.other");
  outbox_->execute("INSERT INTO shop.other VALUES (1)");
  outbox_->insert("a", 1);
  EXPECT_EQ(data_of(reader_->read(1)), "1");
}

TEST_F(WalReading, ParksARowThatIsTooLargeAndGoesOn) {
  outbox_->settings().rows.event_bytes = 1'000;
  reopen();
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) VALUES ('order', 'a', 'large',"
      " to_jsonb(repeat('x', 999))), ('order', 'a', 'fits', to_jsonb(repeat('x', 998)))");
  outbox_->insert("a", 2);
  const auto items = reader_->read(3);
  ASSERT_EQ(data_of(items), "! \"" + std::string(998, 'x') + "\" 2");
  EXPECT_EQ(items[0].malformed->code, "outbox.row_too_large");
  EXPECT_EQ(items[0].malformed->reason,
            "table shop.outbox: the payload has 1001 bytes, and [limits] event_bytes allows 1000");
  EXPECT_EQ(items[0].malformed->key, "a");
}

// As a poll, which doesn't read them.
TEST_F(WalReading, WeighsNoColumnsThatAreIgnored) {
  outbox_->settings().rows.event_bytes = 5'000;
  outbox_->settings().rows.ignore = {"debug"};
  outbox_->execute("ALTER TABLE shop.outbox ADD COLUMN debug text");
  reopen();
  for (const char* const length : {"150000", "800000"})
    outbox_->execute(
        "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload, debug) VALUES ('order', 'a', 'placed',"
        " to_jsonb(repeat('x', 4000)), repeat('d', " +
        std::string(length) + "))");
  const std::string payload = "\"" + std::string(4'000, 'x') + "\"";
  EXPECT_EQ(data_of(reader_->read(2)), payload + " " + payload);
}

// An id of bytes is as long as its bytes, and so is a payload.
TEST_F(WalReading, WeighsBytesByTheirNumberAndNamesALargeRow) {
  outbox_->settings().rows.event_bytes = 5'000;
  outbox_->execute("ALTER TABLE shop.outbox ALTER payload TYPE bytea USING NULL");
  reopen();
  const std::string id = "0190a7e2-0000-7000-8000-00000000000e";
  outbox_->execute("INSERT INTO shop.outbox(id, aggregatetype, aggregateid, type, payload) VALUES ('" + id +
                   "', 'order', 'a', 'large', convert_to(repeat('x', 5001), 'UTF8')), (gen_random_uuid(), 'order', 'a',"
                   " 'fits', convert_to(repeat('x', 5000), 'UTF8'))");
  const auto items = reader_->read(2);
  ASSERT_EQ(data_of(items), "! " + std::string(5'000, 'x'));
  EXPECT_EQ(items[0].malformed->reason,
            "table shop.outbox: the payload has 5001 bytes, and [limits] event_bytes allows 5000");
  EXPECT_NE(items[0].malformed->content.find(R"("id":")" + id), std::string::npos) << items[0].malformed->content;
}

}  // namespace
}  // namespace penstock::tests
