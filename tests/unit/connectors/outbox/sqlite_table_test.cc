// What a SQLite file does that no other database does. The rest is in the contract suite of sources.
#include <filesystem>

#include "tests/unit/connectors/outbox/sqlite_outbox_fixture.h"

namespace penstock::outbox {
namespace {

using connectors::MalformedRow;
using connectors::OpenRequest;
using connectors::ReadBatch;
using namespace std::chrono_literals;

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

// With a rollback journal, where a statement that is still begun is a reader.
TEST_F(SqliteOutbox, LeavesNoLockBehindAReadThatWasStopped) {
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  run("BEGIN EXCLUSIVE");
  std::stop_source stop;
  stop.request_stop();
  ASSERT_TRUE(polled->read(kRoom, Deadline::in(0s), stop.get_token()));
  run("ROLLBACK");
  ASSERT_TRUE(polled->settle(ReadMark{1}));
  insert(1);
}

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
  use_numbers_that_come_again();
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
  use_numbers_that_come_again();
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  run("DELETE FROM outbox");
  insert(1);
  ASSERT_TRUE(polled->settle(ReadMark{1}));
  EXPECT_EQ(read(*polled).items.size(), 1U);
}

// It was left out as in flight when it was looked for, and nobody has committed since.
TEST_F(SqliteOutbox, ReadsARowThatTookTheNumberOfOneInFlightOnceThatIsSettled) {
  use_numbers_that_come_again();
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  run("DELETE FROM outbox");
  insert(1);
  EXPECT_TRUE(read(*polled).items.empty());
  ASSERT_TRUE(polled->settle(ReadMark{1}));
  EXPECT_EQ(read(*polled).items.size(), 1U);
}

TEST_F(SqliteOutbox, ReadsARowKeptByReferenceThatWasMadeShorter) {
  for (const std::string shortened : {"parked", "in flight"}) {
    run("DELETE FROM outbox");
    insert(1, "zeroblob(5000000)");
    const auto polled = source();
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    ASSERT_EQ(read(*polled).items.size(), 1U);
    if (shortened == "parked") {
      EXPECT_TRUE(polled->settle(ReadMark{1}));
    }
    run("UPDATE outbox SET payload = '{}'");
    EXPECT_TRUE(read(*polled).items.empty());
    if (shortened == "in flight") {
      EXPECT_TRUE(polled->settle(ReadMark{1}));
    }
    clock_.advance(3s);
    EXPECT_EQ(read(*polled).items.size(), 1U) << shortened;
  }
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

// SQLite takes a name in double quotes that it doesn't know for a text.
TEST_F(SqliteOutbox, StopsAtAColumnThatIsRenamedUnderWayAndGoesOnWhenItIsBack) {
  for (const std::string column : {"payload", "id", "seq"}) {
    run("DELETE FROM outbox");
    insert(1, "'bytes'");
    const auto polled = source();
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    run("ALTER TABLE outbox RENAME COLUMN " + column + " TO other");
    const auto batch = polled->read(kRoom, Deadline::in(0s), {});
    ASSERT_FALSE(batch) << column << " was read: " << batch->items.size();
    EXPECT_EQ(&batch.error().code(), &codes::kOutboxTableMissing) << batch.error().describe();
    EXPECT_NE(batch.error().message().find(column), std::string::npos) << batch.error().message();
    EXPECT_FALSE(polled->open({}, Deadline::in(5s), {}));
    run("ALTER TABLE outbox RENAME COLUMN other TO " + column);
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    const ReadBatch again = read(*polled);
    ASSERT_EQ(again.items.size(), 1U);
    EXPECT_EQ(again.items[0].event->data, "bytes");
  }
}

TEST_F(SqliteOutbox, SettlesNothingByAColumnThatIsGone) {
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  run("ALTER TABLE outbox RENAME COLUMN id TO other; UPDATE outbox SET seq = 2, other = 'id'");
  const Status settled = polled->settle(ReadMark{1});
  ASSERT_FALSE(settled);
  EXPECT_EQ(&settled.error().code(), &codes::kOutboxTableMissing) << settled.error().describe();
}

TEST_F(SqliteOutbox, StopsAtAMarkColumnThatIsRenamedUnderWay) {
  run("ALTER TABLE outbox ADD COLUMN published");
  for (const auto& value : {std::optional<std::string>(), std::optional<std::string>("yes")}) {
    policy_ = MarkRows{"published", value};
    const auto polled = source();
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    insert(1);
    run("ALTER TABLE outbox RENAME COLUMN published TO sent");
    const auto batch = polled->read(kRoom, Deadline::in(0s), {});
    ASSERT_FALSE(batch);
    EXPECT_EQ(&batch.error().code(), &codes::kOutboxTableMissing) << batch.error().describe();
    run("ALTER TABLE outbox RENAME COLUMN sent TO published");
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    EXPECT_FALSE(read(*polled).items.empty());
  }
}

TEST_F(SqliteOutbox, ReadsOnWhenColumnsAreAddedOrGetAnotherType) {
  insert(1, "'text'");
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  run("ALTER TABLE outbox ADD COLUMN tenant DEFAULT 'acme'");
  const ReadBatch first = read(*polled);
  ASSERT_EQ(first.items.size(), 1U);
  EXPECT_EQ(first.items[0].event->data, "text");
  run("ALTER TABLE outbox RENAME TO before; CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id ANY,"
      " aggregatetype TEXT, aggregateid TEXT, type TEXT, payload BLOB);"
      " INSERT INTO outbox SELECT seq, id, aggregatetype, aggregateid, type, CAST(payload AS BLOB) FROM before;"
      " DROP TABLE before");
  insert(1, "x'00ff'");
  const ReadBatch second = read(*polled);
  ASSERT_EQ(second.items.size(), 1U) << "the first is in flight";
  EXPECT_EQ(second.items[0].event->data, std::string_view("\0\xff", 2));
  ASSERT_TRUE(polled->settle(ReadMark{2}));
  EXPECT_EQ(value("SELECT count(*) FROM outbox"), "0");
}

// Such a text is SQLite's default, and the service's tables may hold it.
TEST_F(SqliteOutbox, TakesTriggersThatWriteTextsInDoubleQuotes) {
  run("CREATE TABLE audit (what); CREATE TRIGGER told AFTER DELETE ON outbox"
      " BEGIN INSERT INTO audit VALUES (\"deleted\"); END");
  insert(1);
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  ASSERT_EQ(read(*polled).items.size(), 1U);
  ASSERT_TRUE(polled->settle(ReadMark{1}));
  EXPECT_EQ(value("SELECT what FROM audit"), "deleted");
}

TEST_F(SqliteOutbox, SaysThatAFileIsMissing) {
  std::filesystem::remove(path());
  const auto opened = source()->open({}, Deadline::in(5s), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(&opened.error().code(), &codes::kOutboxUnavailable);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

// A restored backup, or a deployment that renames a file into place.
class SqliteReplaced : public SqliteOutbox {
 protected:
  // The service goes on with what another file holds: the same rows.
  void replace() {
    const std::string mode = value("PRAGMA journal_mode");
    run("VACUUM INTO '" + folder_.file("copy.db") + "'");
    sqlite3_close(database_);
    std::filesystem::rename(folder_.file("copy.db"), path());
    for (const char* const beside : {"-wal", "-shm"}) std::filesystem::remove(path() + beside);
    ASSERT_EQ(sqlite3_open(path().c_str(), &database_), SQLITE_OK);
    run("PRAGMA journal_mode = " + mode);
  }
  void expect_end(const Status& status) {
    ASSERT_FALSE(status);
    EXPECT_EQ(&status.error().code(), &codes::kOutboxUnavailable) << status.error().describe();
    EXPECT_NE(status.error().message().find(path()), std::string::npos) << status.error().message();
  }
  Status try_read(connectors::Source& source) {
    auto batch = source.read(kRoom, Deadline::in(0s), {});
    if (!batch) return fail(std::move(batch.error()));
    return {};
  }
};

TEST_F(SqliteReplaced, IsReadWhereAnotherFileStandsInItsPlace) {
  for (const std::string mode : {"delete", "wal"}) {
    run("PRAGMA journal_mode = " + mode);
    const auto polled = source();
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    EXPECT_TRUE(read(*polled).items.empty());
    replace();
    insert(1);
    expect_end(try_read(*polled));
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    ASSERT_EQ(read(*polled).items.size(), 1U) << mode;
    ASSERT_TRUE(polled->settle(ReadMark{1}));
    EXPECT_EQ(value("SELECT count(*) FROM outbox"), "0");
  }
}

TEST_F(SqliteReplaced, IsNotSettledWhereNobodyReadsIt) {
  for (const std::string mode : {"delete", "wal"}) {
    run("PRAGMA journal_mode = " + mode);
    insert(1);
    const auto polled = source();
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    ASSERT_EQ(read(*polled).items.size(), 1U);
    replace();
    expect_end(polled->settle(ReadMark{1}));
    ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
    ASSERT_EQ(read(*polled).items.size(), 1U) << "what was delivered comes again";
    ASSERT_TRUE(polled->settle(ReadMark{1}));
    EXPECT_EQ(value("SELECT count(*) FROM outbox"), "0");
  }
}

TEST_F(SqliteReplaced, IsReadWhereALinkLeadsToAnotherFile) {
  const std::string first = folder_.file("first.db"), second = folder_.file("second.db");
  run("VACUUM INTO '" + first + "'; VACUUM INTO '" + second + "'");
  std::filesystem::remove(path());
  std::filesystem::create_symlink(first, path());
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  EXPECT_TRUE(try_read(*polled));
  std::filesystem::remove(path());
  std::filesystem::create_symlink(second, path());
  expect_end(try_read(*polled));
}

TEST_F(SqliteReplaced, IsWaitedForWhileItIsMissing) {
  const auto polled = source();
  ASSERT_TRUE(polled->open({}, Deadline::in(5s), {}));
  std::filesystem::rename(path(), folder_.file("aside.db"));
  expect_end(try_read(*polled));
  EXPECT_EQ(code_of(polled->open({}, Deadline::in(5s), {})), "outbox.unavailable");
  std::filesystem::rename(folder_.file("aside.db"), path());
  EXPECT_TRUE(polled->open({}, Deadline::in(5s), {}));
}

TEST_F(SqliteOutbox, FreesTheLockWhenItIsClosed) {
  const auto first = source(), second = source();
  ASSERT_TRUE(first->open({}, Deadline::in(5s), {}));
  EXPECT_FALSE(second->open({}, Deadline::in(5s), {}));
  first->close();
  EXPECT_TRUE(second->open({}, Deadline::in(5s), {}));
}

}  // namespace
}  // namespace penstock::outbox
