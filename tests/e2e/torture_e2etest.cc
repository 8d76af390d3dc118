// 64 services that commit up to two seconds late, roll back, or leave their transactions prepared, while the relay is
// killed every two seconds.
//
// PENSTOCK_TEST_KILLS makes it longer.
#include <gtest/gtest.h>

#include <thread>

#include "tests/e2e/relay_bed.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWindow = 400;

class Torture : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    PENSTOCK_NEEDS(Server::kKafka);
    PENSTOCK_NEEDS(Server::kRabbitMq);
  }

  static void kill_every_two_seconds(BedSettings::Outbox outbox) {
    const int kills = kills_of_this_run(8);
    RelayBed bed({.max_in_flight = kWindow,
                  .between_transactions = 250ms,
                  .writer_threads = 64,
                  .latest_commit = 2'000ms,
                  .prepared = WriterSettings::Prepared::kSometimes,
                  .outbox = outbox});
    bed.start_load();
    for (int kill = 0; kill < kills; ++kill) {
      bed.start_relay();
      std::this_thread::sleep_for(2s);
      // Where a start takes long it would never be killed at work.
      if (kill % 4 == 3) bed.await_progress(50);
      bed.kill_relay();
    }
    bed.start_relay();
    const Verdicts verdicts = bed.finish();
    EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed.log_text();
    EXPECT_LE(verdicts.kafka.most_duplicates_in_an_epoch(), kWindow) << verdicts.text();
    EXPECT_LE(verdicts.rabbit.most_duplicates_in_an_epoch(), kWindow) << verdicts.text();
    EXPECT_GT(bed.writer().rolled_back(), 20U);
  }
};

TEST_F(Torture, AKillEveryTwoSecondsLosesNothingOfLateCommits) { kill_every_two_seconds(BedSettings::Outbox::kPolled); }

TEST_F(Torture, AKillEveryTwoSecondsLosesNothingOfLateCommitsFromTheLog) {
  kill_every_two_seconds(BedSettings::Outbox::kFromLogDeleting);
}

}  // namespace
}  // namespace penstock::tests
