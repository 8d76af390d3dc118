// Policy "cursor" over a SQLite file that no longer holds what was delivered: on record first, and read on from what it
// holds once an operator has looked at it.
#include <filesystem>

#include "tests/unit/connectors/outbox/sqlite_outbox_fixture.h"

namespace penstock::outbox {
namespace {

using namespace std::chrono_literals;

class SqliteCursor : public SqliteOutbox {
 protected:
  void SetUp() override {
    SqliteOutbox::SetUp();
    policy_ = KeepRows{KeepRows::Guard::kOneWriter, {}};
  }
  static Status open(connectors::Source& source) { return source.open({}, Deadline::in(5s), {}); }
  std::unique_ptr<connectors::Source> opened() {
    auto opened = source();
    const Status status = open(*opened);
    EXPECT_TRUE(status) << status.error().describe();
    return opened;
  }
  // Reads so many rows and stores how far that came.
  void deliver(connectors::Source& source, std::size_t rows) {
    ASSERT_EQ(read(source).items.size(), rows);
    for (std::uint64_t mark = 1; mark <= rows; ++mark) ASSERT_TRUE(source.settle(ReadMark{mark}));
  }
  void deliver(std::size_t rows) { deliver(*opened(), rows); }
  void start_numbers_again() { run("DELETE FROM outbox; DELETE FROM sqlite_sequence WHERE name = 'outbox'"); }
  // The number behind which the one record begins.
  std::int64_t expect_record(const std::string& code, std::int64_t to) {
    EXPECT_EQ(gaps_.records().size(), 1U);
    if (gaps_.records().empty()) return -1;
    const SourceGap& gap = gaps_.records().front().gap;
    EXPECT_EQ(gap.reason, code);
    EXPECT_EQ(gap.to, Position{to});
    return gap.from.value;
  }
};

TEST_F(SqliteCursor, Fault22ReadsNumbersThatStartAgainOnceTheGapIsAcknowledged) {
  insert(5);
  deliver(5);
  start_numbers_again();
  insert(2);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(code_of(open(*source())), "outbox.checkpoint_foreign");
  expect_record("outbox.checkpoint_foreign", 5);
  gaps_.acknowledge_all();
  deliver(2);
}

// Before a row has one of the numbers.
TEST_F(SqliteCursor, Fault22NoticesWhileItReadsThatNumbersStartAgain) {
  insert(5);
  const auto reading = opened();
  deliver(*reading, 5);
  start_numbers_again();
  const auto batch = reading->read(kRoom, Deadline::in(0s), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "outbox.checkpoint_foreign");
  expect_record("outbox.checkpoint_foreign", 5);
}

TEST_F(SqliteCursor, Fault22NoticesAFileThatWasMadeAnew) {
  insert(5);
  deliver(5);
  run("ALTER TABLE outbox RENAME TO delivered; CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT,"
      " aggregatetype TEXT, aggregateid TEXT, type TEXT, payload)");
  EXPECT_EQ(code_of(open(*source())), "outbox.checkpoint_foreign");
  expect_record("outbox.checkpoint_foreign", 5);
  gaps_.acknowledge_all();
  insert(1);
  deliver(1);
}

TEST_F(SqliteCursor, Fault22NoticesNumbersThatHaveStartedAgainAndCaughtUp) {
  insert(5);
  deliver(5);
  start_numbers_again();
  insert(7);
  EXPECT_EQ(code_of(open(*source())), "outbox.checkpoint_foreign");
  gaps_.acknowledge_all();
  deliver(7);
}

TEST_F(SqliteCursor, Fault22GoesOnBehindWhatARestoredBackupHolds) {
  insert(20);
  run("VACUUM INTO '" + folder_.file("backup.db") + "'");
  insert(3);
  deliver(23);
  sqlite3_close(database_);
  std::filesystem::rename(folder_.file("backup.db"), path());
  ASSERT_EQ(sqlite3_open(path().c_str(), &database_), SQLITE_OK);
  insert(2);
  EXPECT_EQ(code_of(open(*source())), "outbox.lost_tail");
  const std::int64_t from = expect_record("outbox.lost_tail", 23);
  EXPECT_GT(from, 0);
  EXPECT_LE(from, 20);
  gaps_.acknowledge_all();
  deliver(static_cast<std::size_t>(22 - from));
}

TEST_F(SqliteCursor, Fault22TakesACleanUpForNoLoss) {
  insert(5);
  deliver(5);
  run("DELETE FROM outbox");
  const auto reading = opened();
  EXPECT_TRUE(read(*reading).items.empty());
  insert(2);
  deliver(*reading, 2);
  run("DELETE FROM outbox WHERE seq = 7; VACUUM; ALTER TABLE outbox RENAME TO o; ALTER TABLE o RENAME TO Outbox");
  EXPECT_TRUE(read(*reading).items.empty());
  insert(1);
  EXPECT_EQ(read(*reading).items.size(), 1U);
  EXPECT_TRUE(gaps_.records().empty());
}

// What was in flight when the program ended, with numbers between that rows never had.
TEST_F(SqliteCursor, ReadsEveryRowThatTheCheckpointLeftOpenThoughEachReadTakesOne) {
  insert(20);
  run("DELETE FROM outbox WHERE seq NOT IN (5, 8, 20)");
  checkpoints_.put("orders", {"5,8,20..", "", 0});
  const auto reading = opened();
  const connectors::ReadRoom room_for_one{1, 16 << 20, connectors::ReadRoom::Window::kEmpty};
  std::string numbers;
  for (int i = 0; i < 3; ++i)
    for (const auto& item : read(*reading, room_for_one).items) numbers.append(item.event->source_position).append(" ");
  EXPECT_EQ(numbers, "5 8 20 ");
  ASSERT_TRUE(reading->settle(ReadMark{1}));
  EXPECT_EQ(checkpoints_.position("orders").substr(0, 8), "8,20.. s");
}

// More than a poll asks for at once: the rows beyond are asked for when those are read.
TEST_F(SqliteCursor, ReadsWhatLiesBeyondManyOpenNumbers) {
  insert(5'000);
  run("DELETE FROM outbox WHERE seq < 5000");
  std::string unsettled;
  for (int number = 1; number < 4'000; number += 2) unsettled += std::to_string(number) + ",";
  checkpoints_.put("orders", {unsettled + "4001..", "", 0});
  const auto reading = opened();
  EXPECT_TRUE(read(*reading).items.empty());
  EXPECT_EQ(read(*reading).items.size(), 1U);
}

// SQLite doesn't count what an UPDATE gives.
TEST_F(SqliteCursor, ReadsARowThatGotAHigherNumberThanWasCounted) {
  insert(2);
  run("UPDATE outbox SET seq = 10 WHERE seq = 2");
  deliver(2);
  const auto reading = opened();
  EXPECT_TRUE(read(*reading).items.empty());
  insert(1);
  ASSERT_EQ(value("SELECT max(seq) FROM outbox"), "11");
  EXPECT_EQ(read(*reading).items.size(), 1U);
}

TEST_F(SqliteCursor, Fault22TellsRowsApartWhoseIdsAreNumbers) {
  run("DROP TABLE outbox; CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER, aggregatetype TEXT,"
      " aggregateid TEXT, type TEXT, payload)");
  const std::string row = "INSERT INTO outbox(id, aggregatetype, aggregateid, type, payload) VALUES (";
  const std::string rest = ", 'order', 'a', 'placed', '{}')";
  run(row + "71" + rest);
  deliver(1);
  EXPECT_TRUE(open(*source()));
  start_numbers_again();
  run(row + "72" + rest);
  EXPECT_EQ(code_of(open(*source())), "outbox.checkpoint_foreign");
}

}  // namespace
}  // namespace penstock::outbox
