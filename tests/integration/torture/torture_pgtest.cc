// Late commits without mercy: 64 services that sleep for up to two seconds before they commit, roll back, or leave
// their transaction prepared, under every way to read what they write, all at once. Nothing is lost, nothing that was
// rolled back is seen, every key keeps the order in which its writers committed, and nothing that was settled comes
// again.
//
// PENSTOCK_TEST_TORTURE_SECONDS (10) and PENSTOCK_TEST_TORTURE_WRITERS (64) make it longer and wider.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "connectors/outbox/outbox_source.h"
#include "connectors/outbox/tracked_table.h"
#include "connectors/wal/wal_source.h"
#include "tests/integration/torture/late_writers.h"
#include "tests/integration/torture/reading_lane.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_source_checkpoints.h"
#include "tests/support/memory_source_gaps.h"
#include "tests/support/recording_log.h"

namespace penstock::tests {
namespace {

using outbox::KeepRows;
using wal::WalSettings;

int number_in_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// So many sources of one database share sessions, as in the program.
constexpr std::size_t kPolled = 6;

// A source and what it is given.
struct Reader {
  MemorySourceCheckpoints checkpoints;
  MemorySourceGaps gaps;
  SystemClock clock;
  SeededRandom random{1};
  RecordingLog log;
  connectors::Surroundings surroundings{clock, random, log, "torture"};
  std::string slot;  // empty: polled
  std::unique_ptr<ReadingLane> lane;
};

class Torture : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    seed_ = seed_of_this_run();
    database_ = std::make_unique<FreshDatabase>();
    sessions_ = std::make_unique<outbox::SourceSessions>(std::vector(kPolled, Secret(database_->url())));
    LateWriters::make_tables(*database_, {deleted_, marked_, by_writers_, by_xid_, tracked_by_number_, tracked_by_time_,
                                          from_log_, from_log_deleted_});
  }
  void TearDown() override {
    for (const auto& reader : readers_) {
      reader->lane.reset();
      if (!reader->slot.empty()) drop_slot(reader->slot);
    }
  }

  void read(const LateTable& table, outbox::Policy policy) {
    outbox::OutboxSettings settings = settings_of(table);
    settings.policy = std::move(policy);
    start(table, {}, [&](Reader& reader) {
      return outbox::make_outbox_source(settings, reader.checkpoints, reader.gaps, reader.surroundings,
                                        sessions_.get());
    });
  }
  void read_tracked(const LateTable& table, const std::string& order) {
    outbox::OutboxSettings settings = settings_of(table);
    settings.policy = outbox::TrackRows{};
    settings.order_by = order;
    database_->execute(outbox::create_settled_table_statement(settings, "uuid"));
    start(table, {}, [&](Reader& reader) {
      return outbox::make_outbox_source(settings, reader.checkpoints, reader.gaps, reader.surroundings,
                                        sessions_.get());
    });
  }
  void read_from_log(const LateTable& table, WalSettings::Settle settle) {
    WalSettings settings;
    settings.rows = settings_of(table);
    settings.slot = unique_slot(table);
    settings.publication = "of_" + table.name;
    settings.settle = settle;
    database_->execute(wal::create_publication_statement(settings));
    database_->execute(wal::create_slot_statement(settings, 150'000));
    start(table, settings.slot, [settings](Reader& reader) {
      return wal::make_wal_source(settings, reader.checkpoints, reader.gaps, reader.surroundings);
    });
  }

  // Ends the sessions of the next reader, whatever they are doing; also those that it shares.
  void rob_next() {
    const Reader& reader = *readers_[robberies_++ % readers_.size()];
    const ReadingLane& lane = *reader.lane;
    const std::string shared = reader.slot.empty() ? " OR application_name LIKE 'penstock sources %'" : "";
    database_->execute(
        fmt::format("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND (application_name LIKE 'penstock source {} %'{})",
                    lane.table().name, shared));
  }

  void judge_all(Deadline deadline) {
    for (const auto& reader : readers_) {
      ReadingLane& lane = *reader->lane;
      SCOPED_TRACE(lane.table().name);
      History history;
      history.committed = LateWriters::read_committed(*database_, lane.table().gets);
      lane.finish(history.committed.size(), deadline);
      history.arrived = lane.arrived();
      const Judgement judgement = judge(history);
      std::cout << fmt::format("{}: {} openings, {} lost sessions; {}", lane.table().name, lane.openings(),
                               lane.lost_sessions(), judgement.describe());
      EXPECT_TRUE(judgement.promise_held()) << judgement.describe() << reader->log.text();
      EXPECT_TRUE(lane.faults().empty()) << lane.faults().front() << "\n" << reader->log.text();
      EXPECT_TRUE(reader->gaps.records().empty());
    }
  }
  std::string rows_of(const LateTable& table, const std::string& condition = "true") const {
    return database_->value("SELECT count(*) FROM shop." + table.name + " WHERE " + condition);
  }

  const LateTable deleted_{"deleted"}, marked_{"marked"}, by_writers_{"by_writers"};
  const LateTable by_xid_{"by_xid", Gets::kWhatWaitedBeforeItWrote};
  const LateTable tracked_by_number_{"tracked_by_number"}, tracked_by_time_{"tracked_by_time"};
  const LateTable from_log_{"from_log"}, from_log_deleted_{"from_log_deleted"};
  std::uint64_t seed_ = 0;
  std::unique_ptr<FreshDatabase> database_;
  std::unique_ptr<outbox::SourceSessions> sessions_;  // of those that poll
  std::vector<std::unique_ptr<Reader>> readers_;
  std::size_t robberies_ = 0;

 private:
  outbox::OutboxSettings settings_of(const LateTable& table) const {
    outbox::OutboxSettings settings;
    settings.source_name = table.name;
    settings.url = Secret(database_->url());
    settings.table = {"shop", table.name};
    settings.order_by = "seq";
    settings.columns = outbox::columns_of(*outbox::find_profile("debezium"));
    return settings;
  }
  template <typename Make>
  void start(const LateTable& table, std::string slot, Make make) {
    auto& reader = *readers_.emplace_back(std::make_unique<Reader>());
    reader.slot = std::move(slot);
    reader.lane = std::make_unique<ReadingLane>(
        table, [&] { return make(reader); }, seed_ + readers_.size());
  }
  static std::string unique_slot(const LateTable& table) {
    std::string slot = unique_name(table.name);
    std::ranges::replace(slot, '-', '_');
    return slot;
  }
  // A walsender whose client has gone needs a moment to notice.
  void drop_slot(const std::string& slot) {
    const std::string row = " FROM pg_replication_slots WHERE slot_name = '" + slot + "'";
    database_->execute("SELECT pg_terminate_backend(active_pid)" + row + " AND active");
    EXPECT_TRUE(eventually([&] { return database_->value("SELECT count(*)" + row + " AND active") == "0"; }));
    database_->execute("SELECT pg_drop_replication_slot(slot_name)" + row);
  }
};

// Pitfalls: "bigserial gaps / out-of-order commit when polling", "pollers skip rows that commit late", "LSN confirm
// ordering".
TEST_F(Torture, LateCommitsLoseNothingAndKeepTheOrderOfEveryKey) {
  SeededRandom random(seed_);
  const auto length = std::chrono::seconds(number_in_environment("PENSTOCK_TEST_TORTURE_SECONDS", 10));
  read(deleted_, outbox::DeleteRows{});
  read(marked_, outbox::MarkRows{"state", "sent"});
  read(by_writers_, KeepRows{KeepRows::Guard::kWriters, {}});
  read(by_xid_, KeepRows{KeepRows::Guard::kXid, "xid"});
  read_tracked(tracked_by_number_, "seq");
  read_tracked(tracked_by_time_, "created_at");
  read_from_log(from_log_, WalSettings::Settle::kKeep);
  read_from_log(from_log_deleted_, WalSettings::Settle::kDelete);
  LateWriters writers(*database_, number_in_environment("PENSTOCK_TEST_TORTURE_WRITERS", 64), seed_,
                      Deadline::in(length));
  while (!writers.over_within(std::chrono::milliseconds(200 + random.below(400)))) rob_next();
  ASSERT_EQ(writers.trouble(), "");

  judge_all(Deadline::in(std::chrono::seconds(60)));
  EXPECT_EQ(rows_of(deleted_), "0");
  EXPECT_EQ(rows_of(marked_, "state <> 'sent'"), "0");
  EXPECT_EQ(rows_of(from_log_deleted_), "0");
  for (const LateTable& table : {tracked_by_number_, tracked_by_time_})
    EXPECT_EQ(rows_of(table, "id NOT IN (SELECT id FROM shop." + table.name + "_settled)"), "0");

  // A storm that doesn't blow shows nothing.
  const auto& counts = writers.counts();
  std::cout << fmt::format("{} transactions committed, {} rolled back, {} in part, {} prepared, {} late\n",
                           counts.committed.load(), counts.rolled_back.load(), counts.in_part.load(),
                           counts.prepared.load(), counts.late.load());
  EXPECT_GT(counts.committed, 100U);
  EXPECT_GT(counts.rolled_back, 10U);
  EXPECT_GT(counts.in_part, 10U);
  EXPECT_GT(counts.late, 30U);
  if (database_->value("SHOW max_prepared_transactions") != "0") {
    EXPECT_GT(counts.prepared, 5U);
  }
  std::size_t lost_sessions = 0;
  for (const auto& reader : readers_) lost_sessions += reader->lane->lost_sessions();
  EXPECT_GT(lost_sessions, 3U);
}

}  // namespace
}  // namespace penstock::tests
