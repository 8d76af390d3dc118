// What becomes of a source whose table leaves its publication, or is altered, on a real server.
#include <memory>
#include <string>

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
    const auto items = reader_->read(1);
    ASSERT_EQ(items.size(), 1u);
    ASSERT_TRUE(reader_->source().settle(items[0].mark));
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
  std::size_t gaps() { return outbox_->gaps().records().size(); }

  std::unique_ptr<WalOutbox> outbox_;
  std::unique_ptr<WalReader> reader_;
  std::string message_;
};

// What is committed between is lost to the slot, and no slot tells of it.
TEST_F(WalPublication, PutsOnRecordThatTheTableWasOutOfIt) {
  outbox_->execute("ALTER PUBLICATION p DROP TABLE shop.outbox");
  outbox_->insert("a", 2);
  outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_reading(), "wal.publication_missing");
  EXPECT_NE(message_.find("penstock gaps ack 1"), std::string::npos) << message_;
  ASSERT_EQ(gaps(), 1u);
  const SourceGap gap = outbox_->gaps().records()[0].gap;
  EXPECT_LT(gap.from, gap.to);

  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
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
  EXPECT_EQ(gaps(), 1u);
  outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_restart(), "wal.publication_missing");
  EXPECT_EQ(gaps(), 1u);
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
