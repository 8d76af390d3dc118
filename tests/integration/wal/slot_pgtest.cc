// Slots and publications of a real server: made, missing, lost, taken, moved on by others.
#include <functional>
#include <thread>

#include "connectors/wal/membership.h"
#include "tests/integration/wal/slot_fixture.h"

namespace penstock::tests {
namespace {

TEST_F(WalSlot, IsMadeAtTheFirstStartTogetherWithAnInsertOnlyPublication) {
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(slot("plugin"), "pgoutput");
  EXPECT_EQ(outbox_->value("SELECT pubinsert AND NOT pubupdate AND NOT pubdelete AND NOT pubtruncate AND pubviaroot"
                           " FROM pg_publication WHERE pubname = 'p'"),
            "t");
  outbox_->insert("a", 1);
  EXPECT_EQ(data_of(reader.read(1)), "1");
}

// Two services' databases, and sources of one name: no instance to take over from.
TEST_F(WalSlot, IsNotWaitedForWhereItIsReadInAnotherDatabase) {
  WalOutbox other;
  other.settings().slot = outbox_->settings().slot;
  WalReader reader(other);
  ASSERT_TRUE(reader.open());
  EXPECT_EQ(code_of_opening(), "wal.refused");
}

TEST_F(WalSlot, NamesWhomItsCreationWaitsFor) {
  const std::string holder = "holder " + outbox_->settings().slot;
  outbox_->execute("BEGIN; " + WalOutbox::insert_statement("a", 1) + "PREPARE TRANSACTION '" + holder + "'");
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  outbox_->execute("ROLLBACK PREPARED '" + holder + "'");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "wal.busy");
  EXPECT_NE(opened.error().message().find("it waited for a prepared transaction (prepared " + holder + "), open for "),
            std::string::npos)
      << opened.error().message();
  EXPECT_EQ(code_of_next_opening(), "opened");
}

// On a server where some transaction is always older than the first patience, none would ever be made.
TEST_F(WalSlot, IsWaitedForLongerAfterEachTimeInVain) {
  const std::string holder = "holder " + outbox_->settings().slot;
  outbox_->execute("BEGIN; " + WalOutbox::insert_statement("a", 1) + "PREPARE TRANSACTION '" + holder + "'");
  WalReader reader(*outbox_);
  const auto first = reader.open();
  ASSERT_FALSE(first);
  std::thread ender([&] {
    EXPECT_TRUE(eventually([&] {
      return outbox_->value(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND"
                 " wait_event_type = 'Lock' AND query LIKE '%10000ms%pg_create_logical_replication_slot%'") == "1";
    }));
    outbox_->execute("ROLLBACK PREPARED '" + holder + "'");
  });
  const auto second = reader.open();
  ender.join();
  EXPECT_TRUE(second) << second.error().describe();
}

TEST_F(WalSlot, IsAskedForWithTheStatementWhereItMayNotBeMade) {
  outbox_->settings().create = wal::WalSettings::Create::kNo;
  WalReader reader(*outbox_);
  auto opened = reader.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "wal.publication_missing");
  EXPECT_NE(opened.error().message().find("CREATE PUBLICATION \"p\" FOR TABLE \"shop\".\"outbox\""), std::string::npos)
      << opened.error().message();
  outbox_->execute(wal::create_publication_statement(outbox_->settings()));
  opened = reader.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "wal.slot_missing");
  EXPECT_NE(opened.error().message().find("pg_create_logical_replication_slot"), std::string::npos);
}

// Fault 19: publication without the table, or without the root of a partitioned one.
TEST_F(WalSlot, Fault19NamesWhatThePublicationLacks) {
  outbox_->execute("CREATE PUBLICATION p");
  WalReader reader(*outbox_);
  auto opened = reader.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "wal.publication_missing");
  EXPECT_NE(opened.error().message().find("ALTER PUBLICATION \"p\" ADD TABLE \"shop\".\"outbox\";"), std::string::npos)
      << opened.error().message();
}

// Fault 19: a publication that is younger than its slot stays missing for it.
// Pitfall "publication created after slot".
TEST_F(WalSlot, Fault19ExplainsAPublicationThatIsYoungerThanItsSlot) {
  outbox_->execute(wal::create_slot_statement(outbox_->settings(), 150'000));
  outbox_->insert("a", 1);
  outbox_->execute(wal::create_publication_statement(outbox_->settings()));
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  const auto read = reader.source().read({10, 1 << 20, connectors::ReadRoom::Window::kEmpty},
                                         Deadline::in(std::chrono::seconds(20)), {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code().name, "wal.publication_missing");
}

// Fault 19: the log has nothing of a table from before it was published, however long its slot has been there.
TEST_F(WalSlot, Fault19PutsOnRecordThatTheTableWasPublishedLaterThanTheReadyMadeSlot) {
  outbox_->execute("CREATE PUBLICATION p");
  outbox_->execute(wal::create_slot_statement(outbox_->settings(), 150'000));
  const std::string place = slot("confirmed_flush_lsn");
  outbox_->insert("a", 1);
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  outbox_->insert("a", 2);
  outbox_->execute("ALTER PUBLICATION p ADD TABLE shop.outbox");
  const auto published = *wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()"));
  outbox_->insert("a", 3);
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  const auto& records = outbox_->gaps().records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(wal::to_string(wal::lsn_of(records[0].gap.from)), place);
  EXPECT_EQ(records[1].gap.from, records[0].gap.to);
  EXPECT_GE(wal::lsn_of(records[1].gap.to), published);
  outbox_->gaps().acknowledge_all();
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(data_of(reader.read(1)), "3");
}

TEST_F(WalSlot, SaysWhatIsNotKnownOfAReadyMadeSlot) {
  outbox_->create_publication_and_slot();
  EXPECT_EQ(code_of_opening(), "opened");
  EXPECT_NE(outbox_->log().text().find("whether the table was in publication p all the time since then is not known"),
            std::string::npos)
      << outbox_->log().text();
}

// Fault 18: a slot that somebody dropped: nothing is delivered over the gap before an operator has seen it.
TEST_F(WalSlot, Fault18PutsAGapOnRecordWhenItWasDropped) {
  deliver_one();
  const std::string delivered = stored().position;
  outbox_->drop_slot();
  outbox_->insert("a", 2);
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  const std::string made_at = slot("confirmed_flush_lsn");
  outbox_->insert("a", 3);
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  EXPECT_EQ(stored().position, delivered);
  ASSERT_EQ(outbox_->gaps().records().size(), 1u);
  const SourceGap& gap = outbox_->gaps().records().front().gap;
  EXPECT_EQ(gap.reason, "wal.slot_lost");
  EXPECT_EQ(wal::lsn_of(gap.from), wal::parse_own_position(delivered)->progress.settled);
  EXPECT_EQ(wal::to_string(wal::lsn_of(gap.to)), made_at);

  outbox_->gaps().acknowledge_all();
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(data_of(reader.read(1)), "3");
}

TEST_F(WalSlot, Fault18AsksForANewSlotWhereItMayNotBeMade) {
  deliver_one();
  outbox_->drop_slot();
  outbox_->settings().create = wal::WalSettings::Create::kNo;
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  EXPECT_EQ(slot("count(*)"), "0");
  EXPECT_EQ(outbox_->gaps().records().size(), 0u) << "it has no end that could be acknowledged";
  outbox_->execute(wal::create_slot_statement(outbox_->settings(), 150'000));
  EXPECT_EQ(code_of_opening(), "wal.slot_ahead");
  outbox_->gaps().acknowledge_all();
  outbox_->insert("a", 2);
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  EXPECT_EQ(data_of(reader.read(1)), "2");
  EXPECT_EQ(outbox_->gaps().records().size(), 1u);
}

// Fault 18: lost again, while nobody has acknowledged the first gap: what the slot made in between would
// have brought is missing too, and an operator is asked about it by itself.
TEST_F(WalSlot, Fault18PutsMoreOnRecordWhenTheNewSlotIsLostToo) {
  deliver_one();
  outbox_->drop_slot();
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  outbox_->insert("a", 2);
  outbox_->drop_slot();
  outbox_->insert("a", 3);
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  const auto& records = outbox_->gaps().records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].gap.from, records[0].gap.to);
  EXPECT_EQ(wal::to_string(wal::lsn_of(records[1].gap.to)), slot("confirmed_flush_lsn"));

  outbox_->gaps().acknowledge(1);
  EXPECT_EQ(code_of_opening(), "wal.slot_lost") << "the second one is open";
  outbox_->gaps().acknowledge(2);
  outbox_->insert("a", 4);
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  EXPECT_EQ(data_of(reader.read(1)), "4");
}

// Fault 18: acknowledged, but not opened since: an acknowledgement holds up to where its record ends.
TEST_F(WalSlot, Fault18AcknowledgesNoMoreThanWasOnRecord) {
  const auto move_slot_on = [&] {
    outbox_->execute("SELECT pg_replication_slot_advance('" + outbox_->settings().slot + "', pg_current_wal_lsn())");
  };
  const auto make_slot_anew = [&] {
    outbox_->drop_slot();
    outbox_->execute(wal::create_slot_statement(outbox_->settings(), 150'000));
  };
  deliver_one();
  outbox_->drop_slot();
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  std::size_t known = 1;
  for (const std::function<void()>& lose : {std::function<void()>(move_slot_on), std::function<void()>(make_slot_anew),
                                            std::function<void()>([&] { outbox_->drop_slot(); })}) {
    ASSERT_EQ(outbox_->gaps().records().size(), known++);
    outbox_->gaps().acknowledge_all();
    outbox_->insert("a", 2);
    lose();
    EXPECT_EQ(code_of_opening().substr(0, 9), "wal.slot_");
  }
  EXPECT_EQ(outbox_->gaps().records().size(), known);
  outbox_->gaps().acknowledge_all();
  outbox_->insert("a", 3);
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  EXPECT_EQ(data_of(reader.read(1)), "3");
}

// An open gap is said by itself, also one that grows; nothing is said again at the next openings.
TEST_F(WalSlot, SaysEachGapThatIsPutOnRecord) {
  deliver_one();
  for (const std::string number : {"1", "2"}) {
    outbox_->drop_slot();
    code_of_opening();
    code_of_opening();
    std::size_t said = 0;
    for (const auto& line : outbox_->log().lines())
      if (line.level == LogLevel::kError && line.code == "wal.slot_lost" &&
          line.message.find("`penstock gaps ack " + number + "`") != std::string::npos)
        ++said;
    EXPECT_EQ(said, 1u) << outbox_->log().text();
  }
}

// Fault 18, pitfall "slot recreated": a new slot starts now, and what lies between would be skipped.
TEST_F(WalSlot, Fault18PutsAGapOnRecordWhenItWasRecreated) {
  deliver_one();
  outbox_->drop_slot();
  outbox_->insert("a", 2);
  outbox_->execute(wal::create_slot_statement(outbox_->settings(), 150'000));
  outbox_->insert("a", 3);
  EXPECT_EQ(code_of_opening(), "wal.slot_ahead");
  ASSERT_EQ(outbox_->gaps().records().size(), 1u);
  outbox_->gaps().acknowledge_all();
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  EXPECT_EQ(data_of(reader.read(1)), "3");
}

// Pitfall "START below confirmed_flush": the server would silently fast-forward.
TEST_F(WalSlot, IsRefusedWhenSomebodyElseMovedItOn) {
  deliver_one();
  outbox_->insert("a", 2);
  eventually([&] { return slot("active") == "f"; });
  outbox_->execute("SELECT pg_replication_slot_advance('" + outbox_->settings().slot + "', pg_current_wal_lsn())");
  EXPECT_EQ(code_of_opening(), "wal.slot_ahead");
}

// Fault 18: wanted by two: the second waits, and takes over when the first ends.
TEST_F(WalSlot, Fault18IsWaitedForWhileAnotherReadsIt) {
  auto first = std::make_unique<WalReader>(*outbox_);
  ASSERT_TRUE(first->open());
  WalReader second(*outbox_);
  const auto refused = second.open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::kConflict);
  EXPECT_EQ(refused.error().code().name, "wal.slot_in_use");
  first.reset();
  EXPECT_TRUE(eventually([&] { return second.open().has_value(); }));
}

// A program that is stopped keeps its connection, and the server its slot: not for the minute that it would by itself.
TEST_F(WalSlot, IsFreedWhenItsReaderIsSilent) {
  WalReader silent(*outbox_);
  ASSERT_TRUE(silent.open());
  WalReader second(*outbox_);
  EXPECT_TRUE(eventually([&] { return second.open().has_value(); }));
}

// Fault 2: the backend is ended: the next opening goes on where the last one had settled.
TEST_F(WalSlot, Fault2GoesOnAfterItsBackendWasEnded) {
  auto reader = std::make_unique<WalReader>(*outbox_);
  ASSERT_TRUE(reader->open());
  outbox_->insert("a", 1);
  outbox_->insert("a", 2);
  const auto items = reader->read(2);
  ASSERT_TRUE(reader->source().settle(items[0].mark));
  outbox_->execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '" +
                   outbox_->settings().slot + "'");
  EXPECT_TRUE(eventually([&] {
    const auto read = reader->source().read({10, 1 << 20, connectors::ReadRoom::Window::kInUse}, Deadline::in({}), {});
    return !read && read.error().kind() == ErrorKind::kUnavailable;
  }));
  ASSERT_TRUE(eventually([&] { return reader->open().has_value(); }));
  EXPECT_EQ(data_of(reader->read(1)), "2");
}

// Pitfall "idle WAL growth": where nobody writes to the outbox the slot moves on all the same.
TEST_F(WalSlot, MovesOnWhileOnlyOthersWrite) {
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  outbox_->execute("CREATE TABLE shop.busy AS SELECT repeat('x', 1000) FROM generate_series(1, 2000)");
  const auto written = *wal::parse_lsn(outbox_->value("SELECT pg_current_wal_lsn()"));
  EXPECT_TRUE(eventually(
      [&] {
        const auto read = reader.source().read({10, 1 << 20, connectors::ReadRoom::Window::kEmpty},
                                               Deadline::in(std::chrono::milliseconds(100)), {});
        return read && *wal::parse_lsn(slot("confirmed_flush_lsn")) >= written;
      },
      Deadline::in(std::chrono::seconds(40))));
}

TEST_F(WalSlot, TellsHowLongAHeartbeatTook) {
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  const auto took = [&] {
    const auto& slot = reader.source().figures().slot;
    return slot ? slot->heartbeat : std::nullopt;
  };
  const SteadyTime begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(eventually([&] {
    const auto read = reader.source().read({10, 1 << 20, connectors::ReadRoom::Window::kEmpty},
                                           Deadline::in(std::chrono::milliseconds(100)), {});
    return read && took();
  }));
  ASSERT_TRUE(took());
  EXPECT_GT(*took(), Duration::zero());
  EXPECT_LT(*took(), std::chrono::steady_clock::now() - begun);
}

// Pitfall "partitioned outbox": changes would appear under leaf names.
TEST_F(WalSlot, PartitionedTablesAreReadThroughTheirRoot) {
  outbox_->execute(
      "DROP TABLE shop.outbox; CREATE SEQUENCE shop.numbers; CREATE TABLE shop.outbox (seq bigint DEFAULT"
      " nextval('shop.numbers'), id uuid DEFAULT gen_random_uuid(), aggregatetype text, aggregateid text, type text, "
      "payload jsonb, PRIMARY KEY (seq))"
      " PARTITION BY RANGE (seq); CREATE TABLE shop.outbox_1 PARTITION OF shop.outbox FOR VALUES FROM (1) TO (3)");
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  outbox_->insert("a", 1);
  outbox_->insert("a", 2);
  outbox_->execute("CREATE TABLE shop.outbox_2 PARTITION OF shop.outbox FOR VALUES FROM (3) TO (100)");
  outbox_->execute(
      "INSERT INTO shop.outbox(seq, aggregatetype, aggregateid, type, payload) VALUES"
      " (3, 'order', 'a', 'counted', '3')");
  EXPECT_EQ(data_of(reader.read(3)), "1 2 3");
}

}  // namespace
}  // namespace penstock::tests
