// What becomes of a source whose table leaves its publication, or is altered, on a real server.
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

class WalPublication : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
    outbox_->create_publication_and_slot();
    reopen();
    outbox_->insert("a", 1);
    ASSERT_EQ(deliver(), "1");
  }
  void TearDown() override { reader_.reset(); }

  // As after a restart of the program: nothing is known but what is durable.
  void reopen() { ASSERT_EQ(code_of_restart(), "opened"); }
  std::string code_of_restart() {
    reader_.reset();
    reader_ = std::make_unique<WalReader>(*outbox_);
    std::string code;
    eventually([&] {
      code = code_of_opening();
      return code != "wal.slot_in_use";
    });
    return code;
  }
  // As a route tries again: the source knows what it saw.
  std::string code_of_opening() {
    const auto opened = reader_->open();
    message_ = opened ? "" : opened.error().message();
    return opened ? "opened" : std::string(opened.error().code().name);
  }
  // Reads until the source gives up; what came before that is not settled.
  std::string code_of_reading(Duration at_most = std::chrono::seconds(30)) {
    const Deadline deadline = Deadline::in(at_most);
    while (!deadline.expired()) {
      auto got = reader_->source().read({100, 1 << 20, connectors::ReadRoom::Window::kEmpty},
                                        Deadline::in(std::chrono::seconds(1)), {});
      if (got) continue;
      message_ = got.error().message();
      return std::string(got.error().code().name);
    }
    return "went on";
  }
  std::string deliver() {
    const auto items = reader_->read(1);
    EXPECT_TRUE(!items.empty() && reader_->source().settle(items.back().mark));
    return data_of(items);
  }
  std::size_t gaps() { return outbox_->gaps().records().size(); }
  static std::vector<std::string> split(const std::string& statements) {
    std::vector<std::string> parts;
    std::istringstream text(statements);
    for (std::string part; std::getline(text, part, ';');) parts.push_back(part);
    return parts;
  }
  // One session a statement; a row is committed where the "%" stands.
  void absent(const std::string& statements) {
    for (const std::string& statement : split(statements)) {
      if (statement != " %") {
        outbox_->execute(statement);
        continue;
      }
      lost_at_ = wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()")).value();
      if (outbox_->value("SELECT to_regclass('shop.outbox') IS NOT NULL") == "t") outbox_->insert("a", 2);
    }
  }

  std::unique_ptr<WalOutbox> outbox_;
  std::unique_ptr<WalReader> reader_;
  std::string message_;
  wal::Lsn lost_at_;
};

// What is committed between is lost to the slot, and no slot tells of it.
TEST_F(WalPublication, PutsOnRecordThatTheTableWasOutOfIt) {
  outbox_->execute("ALTER PUBLICATION p DROP TABLE shop.outbox");
  outbox_->insert("a", 2);
  outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_reading(), "wal.publication_missing");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  EXPECT_NE(message_.find("penstock gaps ack 1"), std::string::npos) << message_;
  ASSERT_EQ(gaps(), 1u);
  const SourceGap gap = outbox_->gaps().records()[0].gap;
  EXPECT_LT(gap.from, gap.to);
  EXPECT_NE(outbox_->log().text().find("gap 1 from " + wal::to_string(wal::lsn_of(gap.from))), std::string::npos)
      << outbox_->log().text();

  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_EQ(gaps(), 1u);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_restart(), "opened") << message_;
  outbox_->insert("a", 3);
  EXPECT_EQ(data_of(reader_->read(1)), "3");
}

// Fault 21: the usual way to archive an outbox: the new table is not published.
TEST_F(WalPublication, StopsWhenTheTableIsMadeAnewUntilItIsPublishedAndTheGapAcknowledged) {
  outbox_->execute("ALTER TABLE shop.outbox RENAME TO outbox_old");
  outbox_->execute("CREATE TABLE shop.outbox (LIKE shop.outbox_old INCLUDING ALL)");
  outbox_->insert("a", 2);
  EXPECT_EQ(code_of_reading(), "wal.publication_missing");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  EXPECT_NE(message_.find("ADD TABLE \"shop\".\"outbox\";"), std::string::npos) << message_;
  outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  EXPECT_NE(message_.find("penstock gaps ack 1"), std::string::npos) << message_;
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "opened") << message_;
  EXPECT_EQ(gaps(), 2u);  // until it was noticed, and until it was published
  outbox_->insert("a", 3);
  EXPECT_EQ(data_of(reader_->read(1)), "3");
}

TEST_F(WalPublication, TakesAnAcknowledgementForNoLongerAbsenceThanItsRecordNames) {
  outbox_->execute("ALTER PUBLICATION p DROP TABLE shop.outbox");
  outbox_->insert("a", 2);
  EXPECT_EQ(code_of_reading(), "wal.publication_missing");
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  outbox_->insert("a", 3);
  outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  ASSERT_EQ(gaps(), 2u);
  EXPECT_EQ(outbox_->gaps().records()[1].gap.from, outbox_->gaps().records()[0].gap.to);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "opened") << message_;
}

TEST_F(WalPublication, GoesOnWithATableThatWasPublishedInTheTransactionThatMadeIt) {
  outbox_->execute(
      "BEGIN; ALTER TABLE shop.outbox RENAME TO outbox_old;"
      "CREATE TABLE shop.outbox (LIKE shop.outbox_old INCLUDING ALL);"
      "ALTER PUBLICATION p ADD TABLE shop.outbox; COMMIT");
  outbox_->insert("a", 2);
  EXPECT_EQ(data_of(reader_->read(1)), "2");
  EXPECT_EQ(code_of_reading(std::chrono::seconds(12)), "went on");  // beyond the next look
  EXPECT_EQ(code_of_restart(), "opened") << message_;
  EXPECT_EQ(gaps(), 0u);
}

TEST_F(WalPublication, PutsOnRecordThatTheTableIsOutOfItAtARestart) {
  reader_.reset();
  outbox_->execute("ALTER PUBLICATION p DROP TABLE shop.outbox");
  outbox_->insert("a", 2);
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_EQ(gaps(), 1u);
  outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  ASSERT_EQ(gaps(), 2u);
  EXPECT_EQ(outbox_->gaps().records()[1].gap.from, outbox_->gaps().records()[0].gap.to);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_restart(), "opened") << message_;
}

TEST_F(WalPublication, IsRefusedWhereItLeavesRowsOrMappedColumnsOut) {
  outbox_->execute("ALTER PUBLICATION p SET TABLE shop.outbox WHERE (seq > 100)");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_NE(message_.find("row filter"), std::string::npos) << message_;
  outbox_->execute("ALTER PUBLICATION p SET TABLE shop.outbox (seq, id, type)");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_NE(message_.find("payload"), std::string::npos) << message_;
}

// Nothing shows it afterwards but what was kept of the look before.
TEST_F(WalPublication, PutsOnRecordThatTheTableWasOutOfItWhileTheProgramWasStopped) {
  const std::string out_and_in[] = {
      "ALTER PUBLICATION p DROP TABLE shop.outbox; %; ALTER PUBLICATION p ADD TABLE shop.outbox",
      "ALTER PUBLICATION p SET (publish = 'update'); %; ALTER PUBLICATION p SET (publish = 'insert')",
      "ALTER PUBLICATION p SET TABLE shop.outbox WHERE (seq < 0); %; ALTER PUBLICATION p SET TABLE shop.outbox",
      "ALTER TABLE shop.outbox RENAME TO own; CREATE TABLE shop.outbox (LIKE shop.own INCLUDING ALL); %;"
      "DROP TABLE shop.outbox; ALTER TABLE shop.own RENAME TO outbox",
      "ALTER TABLE shop.outbox RENAME TO old; CREATE TABLE shop.outbox (LIKE shop.old INCLUDING ALL); %;"
      "DROP TABLE shop.old; ALTER PUBLICATION p ADD TABLE shop.outbox",
  };
  std::size_t expected = 0;
  for (const std::string& statements : out_and_in) {
    reader_.reset();
    absent(statements);
    EXPECT_EQ(code_of_restart(), "wal.publication_missing") << statements;
    EXPECT_NE(message_.find("penstock gaps ack " + std::to_string(++expected)), std::string::npos) << message_;
    EXPECT_EQ(code_of_restart(), "wal.publication_missing") << statements;
    ASSERT_EQ(gaps(), expected) << statements;
    const SourceGap gap = outbox_->gaps().records().back().gap;
    EXPECT_LT(wal::lsn_of(gap.from), lost_at_);
    EXPECT_GT(wal::lsn_of(gap.to), lost_at_);
    outbox_->gaps().acknowledge_all();
    EXPECT_EQ(code_of_restart(), "opened") << message_;
    outbox_->insert("a", 3);
    EXPECT_EQ(deliver(), "3") << statements;
  }
  EXPECT_EQ(code_of_restart(), "opened") << message_;
  EXPECT_EQ(gaps(), expected);
}

// Of the log of another server that was read before, or of a part that this one has lost.
TEST_F(WalPublication, PutsOnRecordWhatLiesAtPlacesThatRecordsOfAnotherLogName) {
  const auto have_old_record = [&](wal::Lsn from, wal::Lsn to) {
    outbox_->gaps().record("orders", {"wal.publication_missing", wal::position_of(from), wal::position_of(to)}).value();
    outbox_->gaps().acknowledge_all();
  };
  have_old_record(wal::Lsn{1ULL << 40}, wal::Lsn{1ULL << 41});
  outbox_->execute("ALTER PUBLICATION p DROP TABLE shop.outbox");
  EXPECT_EQ(code_of_reading(), "wal.publication_missing");
  EXPECT_EQ(gaps(), 2u);
  outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  EXPECT_EQ(gaps(), 3u);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "opened") << message_;
  EXPECT_EQ(code_of_restart(), "opened") << message_;

  reader_.reset();
  absent("ALTER PUBLICATION p DROP TABLE shop.outbox; %; ALTER PUBLICATION p ADD TABLE shop.outbox");
  have_old_record(wal::Lsn{lost_at_.value - 1},
                  wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()")).value());
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  ASSERT_EQ(gaps(), 5u);
  EXPECT_LT(wal::lsn_of(outbox_->gaps().records().back().gap.from), lost_at_);
}

TEST_F(WalPublication, GoesOnAfterWhatLosesNothingWhileTheProgramWasStopped) {
  const std::string harmless[] = {
      "BEGIN; ALTER TABLE shop.outbox RENAME TO old; CREATE TABLE shop.outbox (LIKE shop.old INCLUDING ALL);"
      "ALTER PUBLICATION p ADD TABLE shop.outbox; COMMIT; GRANT SELECT ON shop.outbox TO PUBLIC; DROP TABLE shop.old",
      "CREATE TABLE shop.other (LIKE shop.outbox); ALTER PUBLICATION p ADD TABLE shop.other",
      "CREATE INDEX ON shop.outbox (id); ALTER TABLE shop.outbox ADD COLUMN more text",
      "VACUUM FULL shop.outbox",
      "BEGIN; ALTER TABLE shop.outbox RENAME TO old; CREATE TABLE shop.outbox (LIKE shop.old INCLUDING ALL);"
      "ALTER PUBLICATION p ADD TABLE shop.outbox; COMMIT; ALTER TABLE shop.old RENAME TO older",
      "TRUNCATE shop.outbox",
  };
  for (const std::string& statements : harmless) {
    reader_.reset();
    outbox_->execute(statements);
    outbox_->insert("a", 2);
    ASSERT_EQ(code_of_restart(), "opened") << statements << message_;
    EXPECT_EQ(deliver(), "2") << statements;
    ASSERT_EQ(gaps(), 0u) << statements;
  }
}

// The second swap is made as it should be; rows of the table in between never came through the slot.
TEST_F(WalPublication, PutsOnRecordThatAnotherTableBoreTheNameBetweenTwoThatWerePublished) {
  reader_.reset();
  outbox_->execute("ALTER TABLE shop.outbox RENAME TO first");
  outbox_->execute("CREATE TABLE shop.outbox (LIKE shop.first INCLUDING ALL)");
  outbox_->insert("a", 2);
  outbox_->execute(
      "BEGIN; DROP TABLE shop.outbox; CREATE TABLE shop.outbox (LIKE shop.first INCLUDING ALL);"
      "ALTER PUBLICATION p ADD TABLE shop.outbox; COMMIT");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_EQ(gaps(), 1u);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_restart(), "opened") << message_;
  outbox_->insert("a", 3);
  EXPECT_EQ(deliver(), "3");
}

class WalPublicationOfMore : public WalPublication {
 protected:
  // Stopped, with one event delivered through the publication that the statement makes.
  void start_with(const std::string& publication, const std::string& before = "") {
    PENSTOCK_NEEDS(Server::kPostgres);
    if (!before.empty()) outbox_->execute(before);
    outbox_->execute("DROP PUBLICATION p; " + publication);
    reader_.reset();
    outbox_->drop_slot();
    outbox_->checkpoints().put("orders", {std::string(kPolledPosition), "", 0});
    outbox_->execute(wal::create_slot_statement(outbox_->settings(), 150'000));
    reopen();
    outbox_->insert("a", 1);
    ASSERT_EQ(deliver(), "1");
    reader_.reset();
  }
};

TEST_F(WalPublicationOfMore, PutsOnRecordThatAPartitionedTableWasOutOfIt) {
  start_with("CREATE PUBLICATION p FOR TABLE shop.outbox WITH (publish = 'insert', publish_via_partition_root)",
             "DROP TABLE shop.outbox; CREATE TABLE shop.outbox (seq bigint GENERATED ALWAYS AS IDENTITY, id uuid"
             " DEFAULT gen_random_uuid(), aggregatetype text, aggregateid text, type text, payload jsonb)"
             " PARTITION BY RANGE (seq); CREATE TABLE shop.part PARTITION OF shop.outbox DEFAULT");
  outbox_->execute("CREATE TABLE shop.next PARTITION OF shop.outbox FOR VALUES FROM (1000) TO (2000)");
  EXPECT_EQ(code_of_restart(), "opened") << message_;
  reader_.reset();
  absent(
      "ALTER PUBLICATION p SET (publish_via_partition_root = false); %;"
      "ALTER PUBLICATION p SET (publish_via_partition_root)");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_restart(), "opened") << message_;
  reader_.reset();
  absent("ALTER PUBLICATION p DROP TABLE shop.outbox; %; ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_EQ(gaps(), 2u);
}

TEST_F(WalPublicationOfMore, TakesANewTableForPublishedWhereAllAre) {
  start_with("CREATE PUBLICATION p FOR ALL TABLES WITH (publish = 'insert')");
  outbox_->execute("ALTER TABLE shop.outbox RENAME TO old; CREATE TABLE shop.outbox (LIKE shop.old INCLUDING ALL)");
  outbox_->insert("a", 2);
  EXPECT_EQ(code_of_restart(), "opened") << message_;
  EXPECT_EQ(deliver(), "2");
}

TEST_F(WalPublicationOfMore, PutsOnRecordThatTheTableWasInAnotherSchema) {
  if (outbox_->value("SELECT current_setting('server_version_num')::int >= 150000") != "t")
    GTEST_SKIP() << "publications of schemas came with PostgreSQL 15";
  start_with("CREATE PUBLICATION p FOR TABLES IN SCHEMA shop WITH (publish = 'insert')");
  outbox_->execute("ALTER TABLE shop.outbox RENAME TO old; CREATE TABLE shop.outbox (LIKE shop.old INCLUDING ALL)");
  outbox_->insert("a", 2);
  EXPECT_EQ(code_of_restart(), "opened") << message_;
  EXPECT_EQ(deliver(), "2");
  reader_.reset();
  absent(
      "CREATE SCHEMA away; ALTER TABLE shop.outbox SET SCHEMA away; INSERT INTO away.outbox (aggregatetype) VALUES"
      " ('lost'); %; ALTER TABLE away.outbox SET SCHEMA shop");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_EQ(gaps(), 1u);
}

TEST_F(WalPublication, StopsWhereATableComesToInherit) {
  outbox_->execute("CREATE TABLE shop.child () INHERITS (shop.outbox)");
  EXPECT_EQ(code_of_reading(), "wal.publication_missing");
  EXPECT_NE(message_.find("shop.child"), std::string::npos) << message_;
  EXPECT_EQ(gaps(), 1u);
  EXPECT_EQ(code_of_opening(), "outbox.table_missing") << message_;
  outbox_->execute("DROP TABLE shop.child");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing") << message_;
  EXPECT_EQ(gaps(), 2u) << "what was missed until then";
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "opened") << message_;
}

// What the membership doesn't show is seen by whoever looks first, be it an opening.
TEST_F(WalPublication, PutsOnRecordThatATableCameToInheritWhileTheProgramWasStopped) {
  reader_.reset();
  absent("CREATE TABLE shop.child () INHERITS (shop.outbox); INSERT INTO shop.child (seq) VALUES (99); %");
  EXPECT_EQ(code_of_restart(), "outbox.table_missing");
  EXPECT_EQ(code_of_restart(), "outbox.table_missing");
  EXPECT_NE(message_.find("shop.child"), std::string::npos) << message_;
  ASSERT_EQ(gaps(), 1u);
  const SourceGap gap = outbox_->gaps().records()[0].gap;
  EXPECT_LT(wal::lsn_of(gap.from), lost_at_);
  EXPECT_GT(wal::lsn_of(gap.to), lost_at_);
  outbox_->execute("DROP TABLE shop.child");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing") << message_;
  EXPECT_EQ(gaps(), 2u) << "what was missed until then";
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_restart(), "opened") << message_;
}

TEST_F(WalPublication, PutsOnRecordWhatTheLogLeavesOutWhileTheGapOfALostSlotWaits) {
  reader_.reset();
  outbox_->drop_slot();
  EXPECT_EQ(code_of_restart(), "wal.slot_lost") << message_;
  absent("CREATE TABLE shop.child () INHERITS (shop.outbox); INSERT INTO shop.child (seq) VALUES (99); %");
  EXPECT_EQ(code_of_opening(), "outbox.table_missing") << message_;
  ASSERT_EQ(gaps(), 2u);
  outbox_->execute("DROP TABLE shop.child");
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "wal.publication_missing") << message_;
  EXPECT_GT(wal::lsn_of(outbox_->gaps().records().back().gap.to), lost_at_);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "opened") << message_;
}

// Fault 21: the log goes on with the same table under its new name.
TEST_F(WalPublication, ReadsOnWhereTheTableWasRenamedForATime) {
  outbox_->execute(
      "ALTER TABLE shop.outbox RENAME TO later; INSERT INTO shop.later (aggregatetype, aggregateid, type,"
      " payload) VALUES ('order', 'a', 'counted', '2'); ALTER TABLE shop.later RENAME TO outbox");
  outbox_->insert("a", 3);
  EXPECT_EQ(data_of(reader_->read(2)), "2 3");
}

// Fault 21: the row in between stays in the log as it was written; it is parked rather than stop the source for ever.
TEST_F(WalPublication, ParksWhatWasWrittenWhileAMappedColumnHadAnotherName) {
  outbox_->execute(
      "ALTER TABLE shop.outbox RENAME COLUMN payload TO body; INSERT INTO shop.outbox (aggregatetype,"
      " aggregateid, type, body) VALUES ('order', 'a', 'counted', '2');"
      "ALTER TABLE shop.outbox RENAME COLUMN body TO payload");
  outbox_->insert("a", 3);
  const auto items = reader_->read(2);
  EXPECT_EQ(data_of(items), "! 3");
  ASSERT_TRUE(items[0].malformed);
  EXPECT_EQ(items[0].malformed->code, "outbox.row_malformed");
  EXPECT_NE(items[0].malformed->content.find("\"body\":\"2\""), std::string::npos) << items[0].malformed->content;
}

}  // namespace
}  // namespace penstock::tests
