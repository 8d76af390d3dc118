// How rows of a SQLite file are settled: who holds a lock is waited for, what keeps a row is said, and neither makes a
// row come again and again.
#include <future>

#include "connectors/outbox/outbox_table.h"
#include "tests/unit/connectors/outbox/sqlite_outbox_fixture.h"

namespace penstock::outbox {
namespace {

using connectors::ReadBatch;
using namespace std::chrono_literals;

// Longer than SQLite programs usually wait: a delivered row that is not settled would come again.
TEST_F(SqliteOutbox, WaitsToSettleForWritersAndReadersOfTheService) {
  for (const std::string lock : {"BEGIN IMMEDIATE", "BEGIN; SELECT count(*) FROM outbox"}) {
    insert(1);
    const auto polled = source();
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    ASSERT_EQ(read(*polled).items.size(), 1U);
    run(lock);
    auto settling = std::async(std::launch::async, [&] { return polled->settle(ReadMark{1}); });
    EXPECT_EQ(settling.wait_for(2500ms), std::future_status::timeout) << lock;
    run("ROLLBACK");
    const Status settled = settling.get();
    EXPECT_TRUE(settled) << lock << ": " << settled.error().describe();
    EXPECT_EQ(value("SELECT count(*) FROM outbox"), "0");
  }
}

TEST_F(SqliteOutbox, SettlesInTheNextOpeningWhatItCouldNotAndReadsItNoMore) {
  insert(2);
  run("CREATE TRIGGER keep BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'audit is down'); END");
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 2U);
  EXPECT_EQ(code_of(polled->settle(ReadMark{2})), "outbox.refused");
  EXPECT_EQ(code_of(polled->open({}, Deadline::in(5s), {})), "outbox.refused") << "nothing is read again meanwhile";
  run("DROP TRIGGER keep");
  insert(1, "'later'");
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  EXPECT_EQ(value("SELECT count(*) FROM outbox"), "1");
  const ReadBatch batch = read(*polled);
  ASSERT_EQ(batch.items.size(), 1U);
  EXPECT_EQ(batch.items[0].event->data, "later");
}

TEST_F(SqliteOutbox, BringsNothingAgainWhileAWriterOutlastsItsPatience) {
  patience_ = 10ms;
  insert(2);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 2U);
  run("BEGIN IMMEDIATE");
  EXPECT_EQ(code_of(polled->settle(ReadMark{2})), "outbox.busy");
  EXPECT_EQ(code_of(polled->open({}, Deadline::in(10ms), {})), "outbox.busy") << "nothing is read again meanwhile";
  insert(1, "'later'");
  run("COMMIT");
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  const ReadBatch batch = read(*polled);
  ASSERT_EQ(batch.items.size(), 1U);
  EXPECT_EQ(batch.items[0].event->data, "later");
}

TEST_F(SqliteOutbox, WaitsForALockAsLongAsAnOpeningMay) {
  insert(1);
  const auto polled = source();
  run("BEGIN EXCLUSIVE");
  auto opening = std::async(std::launch::async, [&] { return polled->open({}, Deadline::in(60s), {}); });
  EXPECT_EQ(opening.wait_for(2500ms), std::future_status::timeout);
  run("ROLLBACK");
  const Status opened = opening.get();
  EXPECT_TRUE(opened) << opened.error().describe();
}

TEST_F(SqliteOutbox, StopsWaitingForALockWhenItIsStopped) {
  run("BEGIN EXCLUSIVE");
  std::stop_source stop;
  const auto polled = source();
  auto opening = std::async(std::launch::async, [&] { return polled->open({}, Deadline::in(60s), stop.get_token()); });
  stop.request_stop();
  const Status opened = opening.get();
  run("ROLLBACK");
  EXPECT_EQ(code_of(opened), "core.stopped");
  EXPECT_EQ(code_of(polled->open({}, Deadline::in(5s), {})), "");
}

TEST_F(SqliteOutbox, AnswersAStoppedReadThoughTheFileIsLocked) {
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  run("BEGIN EXCLUSIVE");
  std::stop_source stop;
  auto reading =
      std::async(std::launch::async, [&] { return polled->read(kRoom, Deadline::in(60s), stop.get_token()); });
  stop.request_stop();
  const auto batch = reading.get();
  run("ROLLBACK");
  ASSERT_TRUE(batch) << batch.error().describe();
  EXPECT_TRUE(batch->items.empty());
  EXPECT_EQ(read(*polled).items.size(), 1U) << "in the same opening";
}

// A lock that is taken once the read has looked whether there is anything new. Settlements wait behind the read.
TEST_F(SqliteOutbox, AnswersAStoppedReadThoughTheFileIsLockedUnderWay) {
  struct NoRows final : RowReceiver {
    void whole_row(const Row&) override { ADD_FAILURE(); }
    void large_row(const Row&, const RowSize&, std::optional<std::string_view>) override { ADD_FAILURE(); }
  } receiver;
  insert(1);
  const auto table = make_sqlite_table(settings());
  ASSERT_TRUE(table->open(Deadline::in(5s), {}));
  std::stop_source stop;
  ASSERT_TRUE(table->look_for_news(stop.get_token()));
  run("BEGIN EXCLUSIVE");
  EventBatchBuilder builder;
  auto scanning = std::async(std::launch::async, [&] {
    return table->scan(LowMark(table->mark_moves()).plan(Reach::kWholeTable, {}, {}),
                       {1, 1 << 20, ScanRoom::FirstRow::kAlways}, builder, receiver);
  });
  stop.request_stop();
  const auto scanned = scanning.get();
  run("ROLLBACK");
  ASSERT_TRUE(scanned) << scanned.error().describe();
  EXPECT_EQ(scanned->end, ScanEnd::kCutShort);
  EXPECT_EQ(scanned->reach, Reach::kOpenRanges) << "the whole table is still to be looked at";
}

TEST_F(SqliteOutbox, GivesUpWaitingForALock) {
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  run("BEGIN IMMEDIATE");
  auto settling = std::async(std::launch::async, [&] { return polled->settle(ReadMark{1}); });
  polled->give_up();
  const Status settled = settling.get();
  run("ROLLBACK");
  EXPECT_EQ(code_of(settled), "core.stopped");
}

TEST_F(SqliteOutbox, GivesUpAStatementThatRunsOn) {
  run("CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;"
      " CREATE TRIGGER slow BEFORE DELETE ON outbox BEGIN SELECT count(*) FROM endless; END");
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  auto settling = std::async(std::launch::async, [&] { return polled->settle(ReadMark{1}); });
  polled->give_up();
  EXPECT_EQ(code_of(settling.get()), "core.stopped");
  EXPECT_EQ(value("SELECT count(*) FROM outbox"), "1");
}

struct Kept {
  std::string_view name;
  Policy policy;
  std::string_view trigger;  // keeps row 2
  std::string_view said;
};

class SqliteKept : public SqliteOutbox, public testing::WithParamInterface<Kept> {
 protected:
  void SetUp() override {
    SqliteOutbox::SetUp();
    policy_ = GetParam().policy;
    run("ALTER TABLE outbox ADD COLUMN published; CREATE UNIQUE INDEX outbox_id ON outbox (id);"
        " CREATE TABLE outbox_settled (id TEXT NOT NULL PRIMARY KEY, settled_at TEXT)");
  }
  std::string unsettled() {
    return value(
        "SELECT count(*) FROM outbox WHERE published IS NULL AND NOT EXISTS (SELECT 1 FROM outbox_settled s"
        " WHERE s.id = outbox.id)");
  }
};

TEST_P(SqliteKept, IsSaidAndDeliveredNoMore) {
  run("CREATE TRIGGER keep " + std::string(GetParam().trigger));
  insert(3);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 3U);
  const Status refused = polled->settle(ReadMark{3});
  ASSERT_EQ(code_of(refused), "outbox.refused");
  const std::string message = refused.error().message();
  EXPECT_NE(message.find(GetParam().said), std::string::npos) << message;
  EXPECT_NE(message.find("a trigger (keep)"), std::string::npos) << message;
  EXPECT_EQ(unsettled(), "1") << "the others are settled";
  EXPECT_EQ(code_of(polled->open({}, Deadline::in(5s), {})), "outbox.refused");
  run("DROP TRIGGER keep");
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  EXPECT_EQ(unsettled(), "0");
  EXPECT_TRUE(read(*polled).items.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Policies, SqliteKept,
    testing::Values(Kept{"Delete", DeleteRows{},
                         "BEFORE DELETE ON outbox WHEN OLD.seq = 2 BEGIN SELECT RAISE(IGNORE); END",
                         "keeps 1 delivered rows, from `seq` = 2 on"},
                    Kept{"DeletePutBack", DeleteRows{},
                         "AFTER DELETE ON outbox WHEN OLD.seq = 2 BEGIN INSERT INTO outbox VALUES (OLD.seq, OLD.id,"
                         " OLD.aggregatetype, OLD.aggregateid, OLD.type, OLD.payload, OLD.published); END",
                         "keeps 1 delivered rows, from `seq` = 2 on"},
                    Kept{"Mark", MarkRows{"published", {}},
                         "BEFORE UPDATE ON outbox WHEN OLD.seq = 2 BEGIN SELECT RAISE(IGNORE); END",
                         "keeps 1 delivered rows, from `seq` = 2 on"},
                    Kept{"MarkPutBack", MarkRows{"published", "yes"},
                         "AFTER UPDATE ON outbox WHEN OLD.seq = 2 BEGIN UPDATE outbox SET published = OLD.published"
                         " WHERE seq = OLD.seq; END",
                         "keeps 1 delivered rows, from `seq` = 2 on"},
                    Kept{"Track", TrackRows{},
                         "BEFORE INSERT ON outbox_settled WHEN NEW.id = (SELECT id FROM outbox WHERE seq = 2)"
                         " BEGIN SELECT RAISE(IGNORE); END",
                         "doesn't take the ids of 1 delivered rows, 00000002-0000-4000-8000-"}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace penstock::outbox
