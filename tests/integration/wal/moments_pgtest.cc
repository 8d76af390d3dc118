// What others do at a named moment of an opening: the program passes it here in the test's hands.
#include <functional>
#include <string>
#include <utility>

#include "core/failpoint.h"
#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"

namespace penstock {
namespace {

std::string moment;
std::function<void()> at_that_moment;

}  // namespace

void pass_failpoint(std::string_view name) {
  if (name != moment) return;
  if (const auto happens = std::exchange(at_that_moment, nullptr)) happens();
}
void pass_failpoint(std::string_view name, const EventId&) { pass_failpoint(name); }

namespace tests {
namespace {

class WalMoments : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
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
      const auto opened = reader_->open();
      code = opened ? "opened" : std::string(opened.error().code().name);
      return code != "wal.slot_in_use";
    });
    return code;
  }

  std::unique_ptr<WalOutbox> outbox_;
  std::unique_ptr<WalReader> reader_;
};

// Pitfall "slot recreated": the server starts a stream behind what a slot has passed without a word.
TEST_F(WalMoments, Fault18NoticesASlotThatWasMadeAnewBetweenTheLookAndTheStart) {
  moment = "wal.after_store";
  at_that_moment = [&] {
    outbox_->drop_slot();
    outbox_->insert("a", 2);
    outbox_->execute(wal::create_slot_statement(outbox_->settings(), 150'000));
  };
  EXPECT_EQ(code_of_opening(), "wal.slot_ahead");
  EXPECT_FALSE(at_that_moment);
  EXPECT_EQ(code_of_opening(), "wal.slot_ahead");
  ASSERT_EQ(outbox_->gaps().records().size(), 1U);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "opened");
  outbox_->insert("a", 3);
  EXPECT_EQ(data_of(reader_->read(1)), "3");
}

// The table was published when the opening looked, and is again when the next look comes.
TEST_F(WalMoments, NoticesATableThatWasOutOfThePublicationBetweenTheLookAndTheStart) {
  moment = "wal.after_store";
  at_that_moment = [&] {
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
}  // namespace tests
}  // namespace penstock
