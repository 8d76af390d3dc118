// What a source makes of a server that is not the one that it has read: another one, an older one, one that was set
// back.
#include "tests/integration/wal/slot_fixture.h"

namespace penstock::tests {
namespace {

class WalOtherServer : public WalSlot {
 protected:
  void put_stored_on_another_server(const std::string& place) {
    SourceCheckpoint checkpoint = stored();
    checkpoint.system_identifier = "1";
    checkpoint.position = place;
    outbox_->checkpoints().put("orders", checkpoint);
  }
  // More was delivered than the server has: up to what this answers.
  wal::Lsn set_back() {
    const auto end = *wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()"));
    const wal::Lsn delivered{end.value + (8 << 20)};
    SourceCheckpoint checkpoint = stored();
    checkpoint.position = wal::to_string(wal::Progress{delivered, {}});
    outbox_->checkpoints().put("orders", checkpoint);
    return delivered;
  }
};

// A wrong address, for all that anybody knows.
TEST_F(WalOtherServer, IsRefusedWithoutASlot) {
  deliver_one();
  put_stored_on_another_server("0/20");
  outbox_->drop_slot();
  EXPECT_EQ(code_of_next_opening(), "wal.other_server");
  EXPECT_EQ(slot("slot_name"), "") << "nobody knows that it belongs here";
  EXPECT_EQ(gaps(), 0U);
}

// pg_upgrade, or a restore into a new cluster: what the old one's log had is on record, whatever its places were.
TEST_F(WalOtherServer, GoesOnBehindAGapOnAServerThatHasTakenTheOthersPlace) {
  for (const std::string place : {"0/20", "FFF/20"}) {
    SCOPED_TRACE(place);
    outbox_->gaps().acknowledge_all();
    const std::size_t before = gaps();
    deliver_one();
    put_stored_on_another_server(place);
    EXPECT_EQ(code_of_next_opening(), "wal.other_server");
    EXPECT_EQ(code_of_next_opening(), "wal.other_server");
    EXPECT_EQ(gaps(), before + 1) << "once";
    outbox_->insert("a", 2);
    outbox_->gaps().acknowledge_all();
    WalReader reader(*outbox_);
    ASSERT_TRUE(reader.open());
    const auto items = reader.read(1);
    EXPECT_EQ(data_of(items), "2");
    EXPECT_TRUE(reader.source().settle(items.back().mark));
    EXPECT_NE(stored().system_identifier, "1");
  }
}

// A wrong address for a moment: nothing of this server's is lost by what is on record of the other.
TEST_F(WalOtherServer, GoesOnAtItsOwnServerAfterItWasLookedForOnAnother) {
  deliver_one();
  const SourceCheckpoint before = stored();
  put_stored_on_another_server("0/20");
  EXPECT_EQ(code_of_next_opening(), "wal.other_server");
  EXPECT_EQ(gaps(), 1U);
  outbox_->checkpoints().put("orders", before);
  EXPECT_EQ(code_of_next_opening(), "opened");
}

// The slot is older than the table's entry in the publication, for which the source itself has asked.
TEST_F(WalOtherServer, PutsOnRecordThatTheTableWasNotPublishedYetOnAServerThatHasTakenTheOthersPlace) {
  deliver_one();
  put_stored_on_another_server("0/20");
  outbox_->execute("ALTER PUBLICATION p DROP TABLE shop.outbox");
  EXPECT_EQ(code_of_next_opening(), "wal.other_server");
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_next_opening(), "wal.publication_missing");
  const auto committed = *wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()"));
  outbox_->insert("a", 2);
  outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_next_opening(), "wal.publication_missing");
  EXPECT_EQ(code_of_next_opening(), "wal.publication_missing");
  ASSERT_EQ(gaps(), 3U);
  EXPECT_EQ(wal::lsn_of(outbox_->gaps().records()[1].gap.from), *wal::parse_lsn(slot("confirmed_flush_lsn")));
  EXPECT_GT(wal::lsn_of(outbox_->gaps().records()[2].gap.to), committed);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_next_opening(), "opened");
}

// Fault 16: an old primary comes back: its timeline is older than the one that was read.
TEST_F(WalOtherServer, Fault16IsRefusedOnAnOlderTimeline) {
  deliver_one();
  SourceCheckpoint checkpoint = stored();
  ++checkpoint.timeline;
  outbox_->checkpoints().put("orders", checkpoint);
  EXPECT_EQ(code_of_next_opening(), "wal.other_server");
}

// An older copy of the server's disk was started: no new timeline tells of it, the server takes a start beyond the end
// of its log, and would pass over what is committed until the log has grown to there.
TEST_F(WalOtherServer, PutsOnRecordThatTheServerWasSetBackAndReadsAgain) {
  deliver_one();
  const wal::Lsn delivered = set_back();
  outbox_->insert("a", 2);
  EXPECT_EQ(code_of_next_opening(), "wal.other_server");
  EXPECT_EQ(code_of_opening(), "wal.other_server");
  ASSERT_EQ(outbox_->gaps().records().size(), 1U);
  const SourceGap& gap = outbox_->gaps().records().front().gap;
  EXPECT_EQ(gap.reason, "wal.other_server");
  EXPECT_EQ(wal::lsn_of(gap.to), delivered);

  outbox_->execute("SELECT pg_logical_emit_message(false, 'x', repeat('x', 16 << 20))");
  EXPECT_EQ(code_of_opening(), "wal.other_server") << "the log has grown beyond what was delivered";
  outbox_->gaps().acknowledge_all();
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(data_of(reader.read(1)), "2");
}

// Its slot went with what the server has lost, or was never in the copy. Where the copy ended nobody knows, and what
// was committed on top of it has no slot to come through.
TEST_F(WalOtherServer, PutsOnRecordThatTheServerWasSetBackToBeforeTheSlot) {
  deliver_one();
  const wal::Lsn delivered = set_back();
  outbox_->drop_slot();
  const auto committed = *wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()"));
  outbox_->insert("a", 2);
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  ASSERT_EQ(gaps(), 2U);
  EXPECT_EQ(wal::lsn_of(outbox_->gaps().records()[0].gap.to), delivered);
  const SourceGap& unread = outbox_->gaps().records()[1].gap;
  EXPECT_EQ(unread.reason, "wal.slot_lost");
  EXPECT_LE(wal::lsn_of(unread.from), committed);
  EXPECT_EQ(unread.to, wal::position_of(*wal::parse_lsn(slot("confirmed_flush_lsn"))));
  outbox_->gaps().acknowledge_all();
  outbox_->insert("a", 3);
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(data_of(reader.read(1)), "3");
}

// What is acknowledged before the slot is made says nothing of what is committed until then; nor does what was
// acknowledged of a copy that was started before.
TEST_F(WalOtherServer, AsksAgainForWhatAServerThatWasSetBackTookBeforeItsSlotWasMade) {
  deliver_one();
  outbox_->settings().create = wal::WalSettings::Create::kNo;
  outbox_->gaps().record("orders", {"wal.slot_lost", Position{0}, wal::position_of(wal::Lsn{1ULL << 40})}).value();
  set_back();
  outbox_->drop_slot();
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  outbox_->gaps().acknowledge_all();
  const auto committed = *wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()"));
  outbox_->insert("a", 2);
  outbox_->execute(wal::create_slot_statement(outbox_->settings(), 150'000));
  EXPECT_EQ(code_of_opening(), "wal.slot_ahead");
  const auto open = outbox_->gaps().find_open("orders", "wal.slot_ahead").value();
  ASSERT_TRUE(open);
  EXPECT_LE(wal::lsn_of(open->gap.from), committed);
  EXPECT_EQ(open->gap.to, wal::position_of(*wal::parse_lsn(slot("confirmed_flush_lsn"))));
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_next_opening(), "opened");
}

// A slot that was made on the copy, before the source looked, has nothing of what was committed before.
TEST_F(WalOtherServer, PutsOnRecordWhatAServerThatWasSetBackTookBeforeASlotOfOthers) {
  deliver_one();
  const wal::Lsn delivered = set_back();
  outbox_->drop_slot();
  const auto committed = *wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()"));
  outbox_->insert("a", 2);
  outbox_->execute(wal::create_slot_statement(outbox_->settings(), 150'000));
  EXPECT_EQ(code_of_opening(), "wal.other_server");
  ASSERT_EQ(gaps(), 1U);
  EXPECT_LE(wal::lsn_of(outbox_->gaps().records()[0].gap.from), committed);
  EXPECT_EQ(wal::lsn_of(outbox_->gaps().records()[0].gap.to), delivered);
}

}  // namespace
}  // namespace penstock::tests
