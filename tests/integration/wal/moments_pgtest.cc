// What others do between an opening's look at the database and the start of its stream, which is a connect of its own.
#include <functional>
#include <string>
#include <utility>

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
  std::string code_of_opening() {
    std::string code;
    eventually([&] {
      connects_ = 0;
      const auto opened = reader_->open();
      code = opened ? "opened" : std::string(opened.error().code().name);
      return code != "wal.slot_in_use";
    });
    return code;
  }

  int connects_ = 0;  // of the opening
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
