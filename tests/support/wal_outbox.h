// An outbox table after Debezium's manner that is read from the write-ahead log: a database of its own
// with publication and slot, for one test.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/wal/lsn.h"
#include "connectors/wal/wal_source.h"
#include "tests/support/memory_source_checkpoints.h"
#include "tests/support/memory_source_gaps.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"
#include "tests/support/servers.h"

namespace penstock::tests {

class WalOutbox {
 public:
  // `columns` go behind those of Debezium's table.
  explicit WalOutbox(std::string_view columns = "", FreshDatabase::Encoding encoding = FreshDatabase::Encoding::kUtf8);
  ~WalOutbox();
  WalOutbox(const WalOutbox&) = delete;
  WalOutbox& operator=(const WalOutbox&) = delete;

  // Of table "shop"."outbox". May be changed before a source is made.
  wal::WalSettings& settings() { return settings_; }
  // A source that is opened and read by the test itself.
  std::unique_ptr<connectors::Source> make_source();
  // The same, but a read waits for what was committed through insert() and not read yet.
  std::unique_ptr<connectors::Source> make_patient_source();
  MemorySourceCheckpoints& checkpoints() { return checkpoints_; }
  MemorySourceGaps& gaps() { return gaps_; }
  RecordingLog& log() { return log_; }
  connectors::OpenRequest request();

  // What the program makes at its first start.
  void create_publication_and_slot();
  void drop_slot();
  // One row in a transaction of its own; the data is the number in decimal.
  void insert(std::string_view key, int number, std::string_view type = "counted");
  // The statements that make the table.
  static std::string table_statement(std::string_view columns = "");
  // The statement that insert() runs, for transactions of the test's own.
  static std::string insert_statement(std::string_view key, int number, std::string_view type = "counted");
  // How many of the rows of insert() are not settled, by what is durable.
  std::size_t unsettled();
  std::size_t inserted() const { return before_.size(); }

  void execute(const std::string& sql) const { database_.execute(sql); }
  std::string value(const std::string& sql) const { return database_.value(sql); }
  const std::string& url() const { return database_.url(); }

 private:
  FreshDatabase database_;
  wal::WalSettings settings_;
  MemorySourceCheckpoints checkpoints_;
  MemorySourceGaps gaps_;
  std::vector<wal::Lsn> before_;  // where the log stood before each commit of an insert
  SystemClock clock_;
  SeededRandom random_{1};
  RecordingLog log_;
  connectors::Surroundings surroundings_{clock_, random_, log_, "test"};
  std::int64_t epoch_ = 0;
};

}  // namespace penstock::tests
