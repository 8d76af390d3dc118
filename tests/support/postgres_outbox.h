// An outbox table after Debezium's manner in a Postgres database of its own, for one test.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "connectors/outbox/outbox_source.h"
#include "tests/support/memory_source_checkpoints.h"
#include "tests/support/memory_source_gaps.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"
#include "tests/support/servers.h"

namespace penstock::tests {

class PostgresOutbox {
 public:
  // `columns` go behind those of Debezium's table: ", tenant text".
  explicit PostgresOutbox(std::string_view columns = "",
                          FreshDatabase::Encoding encoding = FreshDatabase::Encoding::kUtf8);

  // Of table "shop"."outbox", ordered by seq. May be changed before a source is made.
  outbox::OutboxSettings& settings() { return settings_; }
  // `sessions`: null for a session of its own.
  std::unique_ptr<connectors::Source> make_source(outbox::SourceSessions* sessions = nullptr);
  std::unique_ptr<outbox::OutboxTable> make_table();
  MemorySourceCheckpoints& checkpoints() { return checkpoints_; }
  MemorySourceGaps& gaps() { return gaps_; }
  RecordingLog& log() { return log_; }
  // With a clock of the test's own, which outlives the source.
  connectors::Surroundings surroundings_at(const Clock& clock) { return {clock, random_, log_, "test"}; }

  // One row in a transaction of its own; the data is the number in decimal.
  void insert(std::string_view key, int number, std::string_view type = "counted");
  // `count` rows of one transaction, with payloads of `bytes` bytes.
  void insert_many(int count, int bytes = 20);
  std::size_t rows() const;

  void execute(const std::string& sql) const { database_.execute(sql); }
  std::string value(const std::string& sql) const { return database_.value(sql); }
  const std::string& url() const { return database_.url(); }

 private:
  FreshDatabase database_;
  outbox::OutboxSettings settings_;
  MemorySourceCheckpoints checkpoints_;
  MemorySourceGaps gaps_;
  SystemClock clock_;
  SeededRandom random_{1};
  RecordingLog log_;
  connectors::Surroundings surroundings_{clock_, random_, log_, "test"};
};

}  // namespace penstock::tests
