// What others do between an opening's look at the database and the start of its stream, which is a connect of its own.
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "connectors/wal/wal_session.h"
#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

class WalMoments : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
    outbox_->settings().rows.url = Secret(outbox_->url(), [this]() -> tl::expected<std::string, std::string> {
      if (++connects_ == 2)
        if (const auto happens = std::exchange(before_the_stream_, nullptr)) happens();
      return outbox_->url();
    });
    reader_ = std::make_unique<WalReader>(*outbox_);
    ASSERT_TRUE(reader_->open());
    outbox_->insert("a", 1);
    const auto items = reader_->read(1);
    ASSERT_EQ(items.size(), 1U);
    ASSERT_TRUE(reader_->source().settle(items[0].mark));
    reader_->source().close();
  }
  // Whose transactions stay open for as long as the test likes.
  std::unique_ptr<store::postgres::Session> session() {
    const Deadline deadline = Deadline::in(std::chrono::seconds(10));
    auto opened =
        store::postgres::Session::open(wal::session_settings_of(outbox_->settings(), "test"), deadline).value();
    EXPECT_TRUE(opened->execute("SET idle_in_transaction_session_timeout = 0", deadline));
    return opened;
  }
  std::string code_of_opening() {
    std::string code;
    eventually([&] {
      connects_ = 0;
      const auto opened = reader_->open();
      code = opened ? "opened" : std::string(opened.error().code().name);
      message_ = opened ? "" : opened.error().message();
      return code != "wal.slot_in_use";
    });
    return code;
  }

  int connects_ = 0;     // of the opening
  std::string message_;  // the same
  std::function<void()> before_the_stream_;
  std::unique_ptr<WalOutbox> outbox_;
  std::unique_ptr<WalReader> reader_;
};

// Pitfall "slot recreated": the server starts a stream behind what a slot has passed without a word.
TEST_F(WalMoments, Fault18NoticesASlotThatWasMadeAnewBetweenTheLookAndTheStart) {
  before_the_stream_ = [&] {
    outbox_->drop_slot();
    outbox_->insert("a", 2);
    outbox_->execute(wal::create_slot_statement(outbox_->settings(), 150'000));
  };
  EXPECT_EQ(code_of_opening(), "wal.slot_ahead");
  EXPECT_FALSE(before_the_stream_);
  EXPECT_EQ(code_of_opening(), "wal.slot_ahead");
  ASSERT_EQ(outbox_->gaps().records().size(), 1U);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "opened");
  outbox_->insert("a", 3);
  EXPECT_EQ(data_of(reader_->read(1)), "3");
}

// An opening that has taken a place in the log when the table is still out, and looks when it is back.
TEST_F(WalMoments, PutsOnRecordWhatWasCommittedWhileAnOpeningLooked) {
  outbox_->execute("ALTER PUBLICATION p DROP TABLE shop.outbox");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  const auto others = session();
  ASSERT_TRUE(others->execute("BEGIN; LOCK pg_publication", Deadline::in(std::chrono::seconds(10))));
  auto opening = std::async(std::launch::async, [this] { return code_of_opening(); });
  EXPECT_TRUE(eventually([&] {
    return outbox_->value(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname ="
               " current_database()") == "1";
  }));
  const auto committed = *wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()"));
  outbox_->insert("a", 2);
  ASSERT_TRUE(
      others->execute("ALTER PUBLICATION p ADD TABLE shop.outbox; COMMIT", Deadline::in(std::chrono::seconds(10))));
  EXPECT_EQ(opening.get(), "wal.publication_missing");
  EXPECT_GT(wal::lsn_of(outbox_->gaps().records().back().gap.to), committed);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "opened");
  EXPECT_EQ(outbox_->gaps().records().size(), 2U);
  outbox_->insert("a", 3);
  EXPECT_EQ(data_of(reader_->read(1)), "3");
}

// A row is left out or not as the table was published when it was written; it is missing from its commit on.
TEST_F(WalMoments, PutsOnRecordWhatWasWrittenBeforeTheTableWasBackAndCommittedLater) {
  outbox_->execute("ALTER PUBLICATION p DROP TABLE shop.outbox");
  const auto others = session();
  ASSERT_TRUE(others->execute("BEGIN; " + WalOutbox::insert_statement("a", 2), Deadline::in(std::chrono::seconds(10))));
  outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  EXPECT_EQ(outbox_->gaps().records().size(), 1U) << "what is known can be compared already";
  EXPECT_NE(message_.find("pid " + std::to_string(others->server().pid) + " ("), std::string::npos) << message_;
  outbox_->gaps().acknowledge_all();
  // One that comes later is published.
  const auto later = session();
  ASSERT_TRUE(later->execute("BEGIN; " + WalOutbox::insert_statement("b", 3), Deadline::in(std::chrono::seconds(10))));
  const auto committed = *wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()"));
  ASSERT_TRUE(others->execute("COMMIT", Deadline::in(std::chrono::seconds(10))));
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  ASSERT_EQ(outbox_->gaps().records().size(), 2U);
  EXPECT_GT(wal::lsn_of(outbox_->gaps().records()[1].gap.to), committed);
  ASSERT_TRUE(later->execute("COMMIT", Deadline::in(std::chrono::seconds(10))));
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "opened");
  EXPECT_EQ(data_of(reader_->read(1)), "3");
}

// The table was published when the opening looked, and is again when the next look comes.
TEST_F(WalMoments, NoticesATableThatWasOutOfThePublicationBetweenTheLookAndTheStart) {
  before_the_stream_ = [&] {
    outbox_->execute("ALTER PUBLICATION p DROP TABLE shop.outbox");
    outbox_->insert("a", 2);
    outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  };
  EXPECT_EQ(code_of_opening(), "opened");
  reader_->source().close();
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  EXPECT_EQ(outbox_->gaps().records().size(), 1U);
}

}  // namespace
}  // namespace penstock::tests
