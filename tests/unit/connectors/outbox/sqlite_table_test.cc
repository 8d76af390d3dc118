// What a SQLite file does that no other database does. The rest is in the contract suite of sources.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>

#include "connectors/outbox/outbox_source.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source_checkpoints.h"
#include "tests/support/memory_source_gaps.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

namespace penstock::outbox {
namespace {

using connectors::MalformedRow;
using connectors::OpenRequest;
using connectors::ReadBatch;
using connectors::ReadRoom;
using namespace std::chrono_literals;

const ReadRoom kRoom{1'000, 16 << 20, ReadRoom::Window::kEmpty};

class SqliteOutbox : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(sqlite3_open(path().c_str(), &database_), SQLITE_OK);
    run("CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, aggregatetype TEXT, aggregateid TEXT,"
        " type TEXT, payload)");
  }
  void TearDown() override { sqlite3_close(database_); }

  std::string path() const { return folder_.file("orders.db"); }
  void run(const std::string& sql) {
    char* words = nullptr;
    ASSERT_EQ(sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, &words), SQLITE_OK) << words;
  }
  std::string value(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK);
    std::string text;
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != nullptr)
      text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return text;
  }
  void insert(int count, const std::string& payload = "'{}'") {
    run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(count) +
        ") INSERT INTO outbox(id, aggregatetype, aggregateid, type, payload) SELECT lower(printf("
        "'%08x-0000-4000-8000-%012x', i, abs(random()) % 1000000000)), 'order', 'a', 'placed', " +
        payload + " FROM n");
  }

  std::unique_ptr<connectors::Source> source(std::size_t event_bytes = 1 << 20, std::size_t batch = 500) {
    OutboxSettings settings;
    settings.source_name = "orders";
    settings.backend = Backend::kSqlite;
    settings.sqlite_path = path();
    settings.table = {"", "outbox"};
    settings.order_by = order_by_;
    settings.policy = policy_;
    settings.event_bytes = event_bytes;
    settings.batch = batch;
    settings.columns = columns_of(*find_profile("debezium"));
    return make_outbox_source(settings, make_sqlite_table(settings), checkpoints_, gaps_, surroundings_);
  }
  ReadBatch read(connectors::Source& source, const ReadRoom& room = kRoom) {
    auto batch = source.read(room, Deadline::in(0s), {});
    EXPECT_TRUE(batch) << batch.error().describe();
    return batch ? std::move(*batch) : ReadBatch{};
  }

  tests::TemporaryFolder folder_;
  tests::MemorySourceCheckpoints checkpoints_;
  tests::MemorySourceGaps gaps_;
  tests::SeededRandom random_{1};
  tests::RecordingLog log_;
  tests::ManualClock clock_;
  const connectors::Surroundings surroundings_{clock_, random_, log_, "test"};
  sqlite3* database_ = nullptr;
  std::string order_by_ = "seq";
  Policy policy_;
};

class SqliteTracked : public SqliteOutbox {
 protected:
  void SetUp() override {
    SqliteOutbox::SetUp();
    policy_ = TrackRows{};
    order_by_ = "";
    run("CREATE UNIQUE INDEX outbox_id ON outbox (id)");
  }
  void create_settled_table() { run("CREATE TABLE outbox_settled (id TEXT NOT NULL PRIMARY KEY, settled_at TEXT)"); }
};

TEST_F(SqliteTracked, RefusesToOpenWithoutItsTableAndPrintsIt) {
  insert(1);
  const auto opened = source()->open({}, Deadline::in(5s), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "outbox.table_missing");
  const std::string message(opened.error().message());
  const auto ddl = message.find("CREATE TABLE");
  ASSERT_NE(ddl, std::string::npos) << message;
  run(message.substr(ddl));
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  ASSERT_TRUE(polled->settle(ReadMark{1}));
  EXPECT_EQ(value("SELECT count(*) FROM outbox JOIN outbox_settled USING (id) WHERE settled_at <> ''"), "1");
}

TEST_F(SqliteTracked, RefusesIdsThatAreNotUnique) {
  create_settled_table();
  run("DROP INDEX outbox_id");
  const auto opened = source()->open({}, Deadline::in(5s), {});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("CREATE UNIQUE INDEX"), std::string::npos) << opened.error().message();
}

TEST_F(SqliteTracked, FindsALowerNumberThatComesLater) {
  create_settled_table();
  run("INSERT INTO outbox VALUES (10, '00000000-0000-4000-8000-000000000010', 'order', 'a', 'placed', '{}')");
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  ASSERT_TRUE(polled->settle(ReadMark{1}));
  run("INSERT INTO outbox VALUES (5, '00000000-0000-4000-8000-000000000005', 'order', 'a', 'placed', '{}')");
  EXPECT_EQ(read(*polled).items.size(), 0U) << "nothing looks there, so this test shows nothing";
  clock_.advance(3s);
  EXPECT_EQ(read(*polled).items.size(), 1U);
}

TEST_F(SqliteTracked, ParksARowWithoutAnIdOnceAnOpening) {
  create_settled_table();
  run("INSERT INTO outbox VALUES (1, NULL, 'order', 'a', 'placed', '{}')");
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  const auto items = read(*polled).items;
  ASSERT_EQ(items.size(), 2U);
  EXPECT_NE(items[0].malformed, nullptr);
  ASSERT_TRUE(polled->settle(ReadMark{2}));
  EXPECT_EQ(value("SELECT count(*) FROM outbox_settled"), "1");
  clock_.advance(3s);
  EXPECT_EQ(read(*polled).items.size(), 0U);
}

TEST_F(SqliteOutbox, LeavesTheJournalModeAsItIs) {
  for (const std::string mode : {"delete", "wal"}) {
    run("PRAGMA journal_mode = " + mode);
    insert(3);
    const auto polled = source();
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    ASSERT_EQ(read(*polled).items.size(), 3U);
    ASSERT_TRUE(polled->settle(ReadMark{3}));
    EXPECT_EQ(value("PRAGMA journal_mode"), mode);
  }
}

TEST_F(SqliteOutbox, HoldsNoLockBetweenReads) {
  insert(3);
  const auto polled = source(1 << 20, 2);
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 2U);
  run("BEGIN EXCLUSIVE; COMMIT");
}

TEST_F(SqliteOutbox, DoesNotScanWhenNobodyHasCommitted) {
  insert(3);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 3U);
  const auto reads = polled->figures().reads;
  clock_.advance(10s);
  EXPECT_TRUE(read(*polled).items.empty());
  EXPECT_EQ(polled->figures().reads, reads);
  insert(1);
  EXPECT_EQ(read(*polled).items.size(), 1U);
}

TEST_F(SqliteOutbox, StepsOverWhatIsInFlight) {
  insert(100);
  const auto polled = source(1 << 20, 30);
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  for (const std::size_t expected : {30U, 30U, 30U, 10U, 0U}) EXPECT_EQ(read(*polled).items.size(), expected);
  EXPECT_EQ(polled->figures().rereads, 0U);
}

TEST_F(SqliteOutbox, TakesANumberThatWasUsedBeforeForANewRow) {
  run("DROP TABLE outbox; CREATE TABLE outbox (seq INTEGER PRIMARY KEY, id TEXT, aggregatetype TEXT, aggregateid TEXT,"
      " type TEXT, payload)");
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  for (std::uint64_t round = 1; round <= 3; ++round) {
    insert(1);
    const ReadBatch batch = read(*polled);
    ASSERT_EQ(batch.items.size(), 1U);
    EXPECT_EQ(batch.items[0].event->source_position, "1");
    ASSERT_TRUE(polled->settle(ReadMark{round}));
  }
}

TEST_F(SqliteOutbox, DoesNotDeleteANewRowThatTookTheNumberOfASettledOne) {
  run("DROP TABLE outbox; CREATE TABLE outbox (seq INTEGER PRIMARY KEY, id TEXT, aggregatetype TEXT, aggregateid TEXT,"
      " type TEXT, payload)");
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  run("DELETE FROM outbox");
  insert(1);
  ASSERT_TRUE(polled->settle(ReadMark{1}));
  EXPECT_EQ(read(*polled).items.size(), 1U);
}

TEST_F(SqliteOutbox, OrdersByTheRowidOfATableWithoutANumber) {
  run("DROP TABLE outbox; CREATE TABLE outbox (id TEXT PRIMARY KEY, aggregatetype TEXT, aggregateid TEXT, type TEXT,"
      " payload)");
  insert(3);
  order_by_ = "rowid";
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 3U);
  ASSERT_TRUE(polled->settle(ReadMark{3}));
  EXPECT_EQ(value("SELECT count(*) FROM outbox"), "0");
}

TEST_F(SqliteOutbox, MeasuresARowTooLargeWithoutReadingIt) {
  insert(1);
  insert(1, "zeroblob(50000000)");
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  const ReadBatch batch = read(*polled);
  ASSERT_EQ(batch.items.size(), 3U);
  ASSERT_NE(batch.items[1].malformed, nullptr);
  EXPECT_EQ(batch.items[1].malformed->kept, MalformedRow::Kept::kByReference);
  EXPECT_EQ(batch.items[1].malformed->source_key, "2");
  EXPECT_NE(batch.items[1].malformed->content.find("500000"), std::string::npos);
}

TEST_F(SqliteOutbox, ReadsARowThatTookTheNumberOfOneKeptByReference) {
  insert(1);
  OpenRequest request;
  request.kept_by_reference = {"1"};
  const auto polled = source();
  ASSERT_TRUE(polled->open(request, Deadline::in(5s), {}));
  EXPECT_EQ(read(*polled).items.size(), 1U);
}

TEST_F(SqliteOutbox, SaysThatAFileIsMissing) {
  std::filesystem::remove(path());
  const auto opened = source()->open({}, Deadline::in(5s), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(&opened.error().code(), &codes::kOutboxUnavailable);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(SqliteOutbox, FreesTheLockWhenItIsClosed) {
  const auto first = source(), second = source();
  ASSERT_TRUE(first->open({}, Deadline::in(5s), {}));
  EXPECT_FALSE(second->open({}, Deadline::in(5s), {}));
  first->close();
  EXPECT_TRUE(second->open({}, Deadline::in(5s), {}));
}

TEST_F(SqliteOutbox, WaitsForAWriterBeforeItDeletes) {
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  run("BEGIN IMMEDIATE");
  const auto settled = polled->settle(ReadMark{1});
  run("ROLLBACK");
  ASSERT_FALSE(settled);
  EXPECT_EQ(&settled.error().code(), &codes::kOutboxBusy);
  EXPECT_EQ(value("SELECT count(*) FROM outbox"), "1");
}

}  // namespace
}  // namespace penstock::outbox
