// A server that gives a slot up because it keeps too much of the log. Changes a setting of the whole
// server, so nothing else runs meanwhile.
#include <algorithm>

#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

class WalLimits : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
  }
  void TearDown() override {
    if (outbox_) limit("RESET max_slot_wal_keep_size");
  }

  void deliver_one() {
    WalReader reader(*outbox_);
    ASSERT_TRUE(reader.open());
    outbox_->insert("a", 1);
    const auto items = reader.read(1);
    ASSERT_TRUE(reader.source().settle(items[0].mark));
  }
  void limit(const std::string& setting) {
    outbox_->execute("ALTER SYSTEM " + setting);
    outbox_->execute("SELECT pg_reload_conf()");
  }
  std::string slot(const std::string& what) {
    return outbox_->value("SELECT " + what + " FROM pg_replication_slots WHERE slot_name = '" +
                          outbox_->settings().slot + "'");
  }

  std::unique_ptr<WalOutbox> outbox_;
};

// Fault 17: the countdown is told before the slot is lost.
TEST_F(WalLimits, Fault17WarnsWhileTheSlotCanStillBeSaved) {
  deliver_one();
  limit("SET max_slot_wal_keep_size = '64MB'");
  ASSERT_TRUE(eventually([&] {
    outbox_->execute("SELECT pg_logical_emit_message(true, 'filler', repeat('x', 100000)), pg_switch_wal()");
    return slot("safe_wal_size < 32 * 1048576") == "t";
  }));
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  outbox_->insert("a", 2);
  EXPECT_EQ(data_of(reader.read(1)), "2");
  const auto lines = outbox_->log().lines();
  EXPECT_EQ(std::ranges::count(lines, "wal.slot_near_limit", &RecordingLog::Line::code), 1) << outbox_->log().text();
  const auto figures = reader.source().figures().slot;
  ASSERT_TRUE(figures);
  EXPECT_NE(figures->wal_status, "lost");
  EXPECT_EQ(figures->limit_bytes, 64 << 20);
  ASSERT_TRUE(figures->safe_bytes);
  EXPECT_LT(*figures->safe_bytes, 32 << 20);
  EXPECT_GT(figures->retained_bytes, 0);
  reader.source().close();
  EXPECT_FALSE(reader.source().figures().slot);
}

// Whoever waits for an operator reads nothing, and the new slot keeps the log.
TEST_F(WalLimits, Fault17WarnsOnceWhileAGapWaitsToBeAcknowledged) {
  deliver_one();
  outbox_->drop_slot();
  limit("SET max_slot_wal_keep_size = '64MB'");
  WalReader reader(*outbox_);
  ASSERT_FALSE(reader.open());
  EXPECT_EQ(slot("wal_status"), "reserved");
  ASSERT_TRUE(eventually([&] {
    outbox_->execute("SELECT pg_logical_emit_message(true, 'filler', repeat('x', 100000)), pg_switch_wal()");
    return slot("safe_wal_size BETWEEN 16 * 1048576 AND 32 * 1048576") == "t";
  }));
  for (int opening = 1; opening <= 3; ++opening) {
    const auto opened = reader.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code().name, "wal.slot_lost");
  }
  const auto lines = outbox_->log().lines();
  EXPECT_EQ(std::ranges::count(lines, "wal.slot_near_limit", &RecordingLog::Line::code), 1) << outbox_->log().text();
}

// Fault 17: slot invalidated: the gap is put on record, and an operator's word lets the source go on.
// What is kept was read long ago: the doctor names the transaction for which it is kept.
TEST_F(WalLimits, Fault9NamesTheTransactionThatHoldsTheSlot) {
  deliver_one();
  const std::string holder = "forgotten " + outbox_->settings().slot;
  outbox_->execute("BEGIN; CREATE TABLE shop.audit (entry text); PREPARE TRANSACTION '" + holder + "'");
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  limit("SET max_slot_wal_keep_size = '64MB'");
  int number = 1;
  ASSERT_TRUE(eventually([&] {
    outbox_->execute("SELECT pg_logical_emit_message(true, 'filler', repeat('x', 100000)), pg_switch_wal()");
    outbox_->insert("a", ++number);
    const auto items = reader.read(1);
    return reader.source().settle(items.back().mark) && slot("safe_wal_size < 32 * 1048576") == "t";
  }));
  const std::string text = findings_of(*outbox_);
  outbox_->execute("ROLLBACK PREPARED '" + holder + "'");
  EXPECT_NE(text.find("ROLLBACK PREPARED '" + holder + "'"), std::string::npos) << text;
}

// Pitfall "slot loss by limits".
TEST_F(WalLimits, Fault17PutsAGapOnRecordWhenTheServerGaveTheSlotUp) {
  deliver_one();
  limit("SET max_slot_wal_keep_size = '1MB'");
  ASSERT_TRUE(eventually([&] {
    outbox_->execute("SELECT pg_logical_emit_message(true, 'filler', repeat('x', 100000)), pg_switch_wal()");
    outbox_->execute("CHECKPOINT");
    return slot("wal_status") == "lost";
  }));
  outbox_->insert("a", 2);

  WalReader reader(*outbox_);
  auto opened = reader.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "wal.slot_lost");
  ASSERT_EQ(outbox_->gaps().records().size(), 1u);
  EXPECT_EQ(slot("wal_status"), "reserved");  // made anew, so that the gap has an end
  outbox_->insert("a", 3);
  outbox_->gaps().acknowledge_all();
  opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(data_of(reader.read(1)), "3");
}

}  // namespace
}  // namespace penstock::tests
