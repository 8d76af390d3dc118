// One outbox table, polled first, then read from the log, then polled again, while its writers go on: by
// `penstock sources switch`, as docs/wal-source.md says.
#include <gtest/gtest.h>

#include "tests/e2e/relay_bed.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWindow = 400;
constexpr int kKilled = 128 + SIGKILL, kTryAgain = 75;

class Switch : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    PENSTOCK_NEEDS(Server::kKafka);
    PENSTOCK_NEEDS(Server::kRabbitMq);
    bed_ = std::make_unique<RelayBed>(BedSettings{
        .max_in_flight = kWindow, .between_transactions = 250ms, .writer_threads = 64, .latest_commit = 500ms});
    bed_->start_load();
    bed_->start_relay();
    bed_->await_progress(200);
  }

  int to_log(const std::string& failpoint = {}, const std::string& more = {}) {
    return bed_->run_command("sources switch orders --to wal --publication outbox --slot " + bed_->slot_name() + more,
                             failpoint);
  }
  int to_polling(const std::string& failpoint = {}) {
    return bed_->run_command("sources switch orders --to polling", failpoint);
  }
  void go_on(BedSettings::Outbox how) {
    bed_->read_outbox(how);
    bed_->start_relay();
    bed_->await_progress(300);
  }
  void expect_nothing_lost() {
    const Verdicts verdicts = bed_->finish();
    EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed_->log_text();
    EXPECT_EQ(verdicts.kafka.all_duplicates() + verdicts.rabbit.all_duplicates(), 0U) << verdicts.text();
  }
  std::string slots() const {
    return bed_->database().value("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()");
  }

  std::unique_ptr<RelayBed> bed_;
};

TEST_F(Switch, FromPollingToTheLogAndBackLosesNothingUnderLoad) {
  for (int round = 1; round <= 2; ++round) {
    SCOPED_TRACE(round);
    ASSERT_EQ(to_log(), 0) << bed_->log_text();
    bed_->stop_relay();
    go_on(BedSettings::Outbox::kFromLogDeleting);
    EXPECT_EQ(to_polling(), kTryAgain) << "the program still reads the log";
    bed_->stop_relay();
    ASSERT_EQ(to_polling(), 0) << bed_->log_text();
    EXPECT_EQ(slots(), "0");
    go_on(BedSettings::Outbox::kPolled);
  }
  expect_nothing_lost();
}

// A slot has nothing of what was committed before it: only polling delivers that.
TEST_F(Switch, ToTheLogWaitsUntilWhatIsOlderThanTheSlotWasPolled) {
  bed_->stop_relay();
  ASSERT_TRUE(bed_->await_value("SELECT count(*) > 20 FROM shop.outbox", "t", 20s));
  EXPECT_EQ(to_log({}, " --timeout 4"), kTryAgain);
  EXPECT_NE(bed_->log_text().find("are still in the table"), std::string::npos) << bed_->log_text();
  bed_->start_relay();
  ASSERT_EQ(to_log(), 0) << bed_->log_text();
  bed_->stop_relay();
  go_on(BedSettings::Outbox::kFromLogDeleting);
  expect_nothing_lost();
}

TEST_F(Switch, ThatIsKilledAtAnyStepIsFinishedByTheNext) {
  ASSERT_EQ(to_log("switch.after_step:1"), kKilled) << "with a publication";
  bed_->await_progress(50);
  ASSERT_EQ(to_log("switch.after_step:1"), kKilled) << "with the slot, too";
  EXPECT_EQ(slots(), "1");
  bed_->await_progress(50);
  ASSERT_EQ(to_log(), 0) << bed_->log_text();
  bed_->stop_relay();
  go_on(BedSettings::Outbox::kFromLogDeleting);

  // The source may still be read from the log: the slot is there.
  bed_->stop_relay();
  ASSERT_EQ(to_polling("switch.after_word"), kKilled);
  go_on(BedSettings::Outbox::kFromLogDeleting);
  bed_->stop_relay();
  ASSERT_EQ(to_polling("switch.after_step"), kKilled);
  EXPECT_EQ(slots(), "0");
  // Now it may not: whoever goes on with the old configuration is told so, and passes nothing.
  bed_->start_relay();
  EXPECT_TRUE(bed_->await_value(
      "SELECT count(*) > 0 FROM penstock.route_state WHERE route = 'orders-in' AND code = 'wal.slot_missing'", "t",
      20s))
      << bed_->log_text();
  EXPECT_EQ(slots(), "0");
  bed_->stop_relay();
  ASSERT_EQ(to_polling(), 0) << bed_->log_text();
  go_on(BedSettings::Outbox::kPolled);
  expect_nothing_lost();
}

}  // namespace
}  // namespace penstock::tests
