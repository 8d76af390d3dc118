// The relay is killed, at random moments and at every named crash point. PENSTOCK_TEST_KILLS makes the first longer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string_view>

#include "tests/e2e/relay_bed.h"
#include "tests/support/seeded_random.h"

namespace penstock::tests {
namespace {

constexpr std::size_t kWindow = 400;

// Every pass_failpoint() of the program. A test over the tree holds the list complete.
constexpr const char* kCrashPoints[] = {
    "outbox.after_read",
    "outbox.in_settle",
    "relay.after_read",
    "relay.before_mapping",
    "relay.after_publish",
    "relay.after_ack",
    "relay.after_settle",
    "store.append_before_commit",
    "store.append_after_commit",
    "store.checkpoint_in_transaction",
    "switch.after_step",
    "switch.after_word",
    "wal.after_read",
    "wal.after_store",
};

class Crashes : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    PENSTOCK_NEEDS(Server::kKafka);
    PENSTOCK_NEEDS(Server::kRabbitMq);
  }
  std::mt19937_64 random_{seed_of_this_run()};
};

void expect_promise(const Verdicts& verdicts, const RelayBed& bed) {
  EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed.log_text();
  EXPECT_LE(verdicts.kafka.most_duplicates_in_an_epoch(), kWindow) << verdicts.text();
  EXPECT_LE(verdicts.rabbit.most_duplicates_in_an_epoch(), kWindow) << verdicts.text();
}

void die_at_random_moments(RelayBed& bed, int kills, std::mt19937_64& random) {
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  bed.start_load();
  for (int kill = 0; kill < kills; ++kill) {
    bed.start_relay();
    // Some live long enough to work, some are killed while they start.
    if (kill % 4 != 3) bed.await_progress(50 + below(400));
    std::this_thread::sleep_for(std::chrono::milliseconds(below(150)));
    bed.kill_relay();
  }
  bed.start_relay();
  const Verdicts verdicts = bed.finish();
  expect_promise(verdicts, bed);
  EXPECT_EQ(bed.epochs(), static_cast<std::size_t>(kills) + 2);
}

// Points of the other kind of source are not passed, nor those of a command.
void die_at_every_named_point(RelayBed& bed, std::string_view of_the_other_kind, std::mt19937_64& random) {
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  bed.start_load();
  bed.start_relay();
  bed.await_progress(100);
  bed.kill_relay();
  for (const std::string_view point : kCrashPoints) {
    if (point.starts_with(of_the_other_kind) || point.starts_with("switch.")) continue;
    for (const std::uint64_t pass : {std::uint64_t{1}, 2 + below(20)}) {
      bed.start_relay(fmt::format("{}:{}", point, pass));
      ASSERT_TRUE(bed.await_crash(std::chrono::seconds(20))) << point << " was not passed " << pass << " times";
    }
  }
  bed.start_relay();
  const Verdicts verdicts = bed.finish();
  expect_promise(verdicts, bed);
}

TEST_F(Crashes, AtRandomMomentsLoseNothingAndKeepTheOrder) {
  RelayBed bed({.max_in_flight = kWindow});
  die_at_random_moments(bed, kills_of_this_run(16), random_);
}

TEST_F(Crashes, AtEveryNamedPointLoseNothingAndKeepTheOrder) {
  RelayBed bed({.max_in_flight = kWindow});
  die_at_every_named_point(bed, "wal.", random_);
}

TEST_F(Crashes, AtRandomMomentsLoseNothingWithTrackedIdsAndKeepTheOrder) {
  RelayBed bed({.max_in_flight = kWindow, .settled = BedSettings::Settled::kTracked});
  die_at_random_moments(bed, kills_of_this_run(8), random_);
}

TEST_F(Crashes, AtEveryNamedPointLoseNothingWithTrackedIdsAndKeepTheOrder) {
  RelayBed bed({.max_in_flight = kWindow, .settled = BedSettings::Settled::kTracked});
  die_at_every_named_point(bed, "wal.", random_);
}

TEST_F(Crashes, AtRandomMomentsLoseNothingFromTheLogAndKeepTheOrder) {
  RelayBed bed({.max_in_flight = kWindow, .outbox = BedSettings::Outbox::kFromLogDeleting});
  die_at_random_moments(bed, kills_of_this_run(8), random_);
}

TEST_F(Crashes, AtEveryNamedPointLoseNothingFromTheLogAndKeepTheOrder) {
  RelayBed bed({.max_in_flight = kWindow, .outbox = BedSettings::Outbox::kFromLog});
  die_at_every_named_point(bed, "outbox.", random_);
}

}  // namespace
}  // namespace penstock::tests
