// Two instances of one configuration: one drives, the other stands by and takes over.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/e2e/relay_bed.h"

namespace penstock::tests {
namespace {

constexpr std::size_t kWindow = 400;

class Takeover : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    PENSTOCK_NEEDS(Server::kKafka);
    PENSTOCK_NEEDS(Server::kRabbitMq);
  }

  // Both run, and the second stands by on all three routes.
  void start_pair(RelayBed& bed) {
    bed.start_load();
    bed.start_relay();
    bed.await_progress(200);
    other_ = bed.make_other_instance();
    ASSERT_TRUE(other_->start());
    ASSERT_TRUE(
        bed.await_value("select count(*) from penstock.route_state where phase = 'standby' "
                        "and updated_at > now() - interval '10 s'",
                        "3", std::chrono::seconds(20)))
        << bed.log_text();
  }

  // How long nothing more got into the store from now on.
  std::chrono::milliseconds time_to_progress(RelayBed& bed) {
    const auto begun = std::chrono::steady_clock::now();
    bed.await_progress(1, std::chrono::seconds(30));
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  }

  void take_over_after_a_kill(RelayBed& bed) {
    start_pair(bed);
    bed.relay().kill();
    const auto took = time_to_progress(bed);
    fmt::print("takeover after SIGKILL: {} ms\n", took.count());
    EXPECT_LE(took, std::chrono::seconds(5)) << "the aim is 2 s";
    const Verdicts verdicts = bed.finish();
    EXPECT_TRUE(other_->terminate(Deadline::in(std::chrono::seconds(15))));  // a slot in use keeps the database
    EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed.log_text();
    EXPECT_LE(verdicts.kafka.all_duplicates(), kWindow) << verdicts.text();
    EXPECT_LE(verdicts.rabbit.all_duplicates(), kWindow) << verdicts.text();
  }

  void take_over_after_an_orderly_stop(RelayBed& bed) {
    start_pair(bed);
    ASSERT_TRUE(bed.relay().terminate(Deadline::in(std::chrono::seconds(15))));
    const auto took = time_to_progress(bed);
    fmt::print("takeover after SIGTERM: {} ms\n", took.count());
    EXPECT_LE(took, std::chrono::seconds(4)) << "the aim is 1 s";
    const Verdicts verdicts = bed.finish();
    EXPECT_TRUE(other_->terminate(Deadline::in(std::chrono::seconds(15))));  // a slot in use keeps the database
    EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed.log_text();
    EXPECT_EQ(verdicts.kafka.all_duplicates() + verdicts.rabbit.all_duplicates(), 0U) << verdicts.text();
  }

  std::unique_ptr<cli::RelayProcess> other_;
};

TEST_F(Takeover, FollowsAKillWithinSeconds) {
  RelayBed bed({.max_in_flight = kWindow});
  take_over_after_a_kill(bed);
}

TEST_F(Takeover, FollowsAnOrderlyStopWithoutADuplicate) {
  RelayBed bed({.max_in_flight = kWindow});
  take_over_after_an_orderly_stop(bed);
}

// Fault 18: the slot is wanted by two.
TEST_F(Takeover, Fault18OfTheLogFollowsAKillWithinSeconds) {
  RelayBed bed({.max_in_flight = kWindow, .outbox = BedSettings::Outbox::kFromLog});
  take_over_after_a_kill(bed);
}

TEST_F(Takeover, Fault18OfTheLogFollowsAnOrderlyStopWithoutADuplicate) {
  RelayBed bed({.max_in_flight = kWindow, .outbox = BedSettings::Outbox::kFromLog});
  take_over_after_an_orderly_stop(bed);
}

}  // namespace
}  // namespace penstock::tests
