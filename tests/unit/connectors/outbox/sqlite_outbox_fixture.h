// An outbox table in a SQLite file, and the service that writes it: another connection.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <string>

#include "connectors/outbox/outbox_source.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source_checkpoints.h"
#include "tests/support/memory_source_gaps.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

namespace penstock::outbox {

inline const connectors::ReadRoom kRoom{1'000, 16 << 20, connectors::ReadRoom::Window::kEmpty};

inline std::string code_of(const Status& status) { return status ? "" : std::string(status.error().code().name); }

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
  // Without AUTOINCREMENT.
  void use_numbers_that_come_again() {
    run("DROP TABLE outbox; CREATE TABLE outbox (seq INTEGER PRIMARY KEY, id TEXT, aggregatetype TEXT, aggregateid"
        " TEXT, type TEXT, payload)");
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

  OutboxSettings settings(std::size_t event_bytes = 1 << 20, std::size_t batch = 500) {
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
    return settings;
  }
  std::unique_ptr<connectors::Source> source(std::size_t event_bytes = 1 << 20, std::size_t batch = 500) {
    const OutboxSettings wanted = settings(event_bytes, batch);
    return make_outbox_source(wanted, make_sqlite_table(wanted, patience_), checkpoints_, gaps_, surroundings_);
  }
  connectors::ReadBatch read(connectors::Source& source, const connectors::ReadRoom& room = kRoom) {
    auto batch = source.read(room, Deadline::in(Duration::zero()), {});
    EXPECT_TRUE(batch) << batch.error().describe();
    return batch ? std::move(*batch) : connectors::ReadBatch{};
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
  Duration patience_ = std::chrono::seconds(15);
};

}  // namespace penstock::outbox
