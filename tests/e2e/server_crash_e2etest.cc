// Database and brokers crash under load; the relay waits, says so, and goes on by itself.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/e2e/relay_bed.h"

namespace penstock::tests {
namespace {

constexpr std::size_t kWindow = 400;

class ServerCrashes : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    PENSTOCK_NEEDS(Server::kKafka);
    PENSTOCK_NEEDS(Server::kRabbitMq);
    if (!ServerControl::available()) GTEST_SKIP() << "PENSTOCK_TEST_SERVERS is not set: these servers can't be crashed";
  }
  void TearDown() override {
    // Whatever happened: the next test finds its servers running.
    if (!ServerControl::available()) return;
    for (const Server server : {Server::kPostgres, Server::kRabbitMq, Server::kKafka}) ServerControl::start(server);
  }

  // The relay has lived through it, and the ends got everything. `faults`: how often a window may have been sent again.
  void expect_promise(RelayBed& bed, std::size_t kafka_faults, std::size_t rabbit_faults) {
    ASSERT_TRUE(bed.relay().running()) << bed.last_words();
    const Verdicts verdicts = bed.finish();
    EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed.log_text();
    EXPECT_LE(verdicts.kafka.all_duplicates(), kafka_faults * kWindow) << verdicts.text();
    EXPECT_LE(verdicts.rabbit.all_duplicates(), rabbit_faults * kWindow) << verdicts.text();
  }

  void crash_postgres(RelayBed& bed, std::size_t crashes) {
    bed.start_load();
    bed.start_relay();
    for (std::size_t crash = 0; crash < crashes; ++crash) {
      bed.await_progress(300);
      ServerControl::crash_and_restart_postgres();
    }
    bed.await_progress(300);
    expect_promise(bed, crashes, crashes);
  }
};

TEST_F(ServerCrashes, OfPostgresLoseNothingAndKeepTheOrder) {
  RelayBed bed({.max_in_flight = kWindow});
  crash_postgres(bed, 6);
}

// Fault 1: the slot's place is written down lazily, and is older after a crash than what was delivered.
TEST_F(ServerCrashes, Fault1OfPostgresLoseNothingFromTheLogAndKeepTheOrder) {
  RelayBed bed({.max_in_flight = kWindow, .outbox = BedSettings::Outbox::kFromLogDeleting});
  crash_postgres(bed, 6);
}

TEST_F(ServerCrashes, OfRabbitMqLoseNothingAndHoldBackNobodyElse) {
  constexpr std::size_t kCrashes = 3;
  RelayBed bed({.max_in_flight = kWindow});
  bed.start_load();
  bed.start_relay();
  for (std::size_t crash = 0; crash < kCrashes; ++crash) {
    bed.await_progress(300);
    ServerControl::kill(Server::kRabbitMq);
    const std::string before =
        bed.database().value("select position from penstock.checkpoints where route = 'to-kafka'");
    EXPECT_TRUE(
        bed.await_value("select position > " + before + " + 200 from penstock.checkpoints where route = 'to-kafka'",
                        "t", std::chrono::seconds(30)))
        << "Kafka got nothing while RabbitMQ was away: " << bed.log_text();
    ServerControl::start(Server::kRabbitMq);
  }
  bed.await_progress(300);
  expect_promise(bed, 0, kCrashes);
}

TEST_F(ServerCrashes, OfKafkaLoseNothingAndKeepTheOrder) {
  RelayBed bed({.max_in_flight = kWindow});
  bed.start_load();
  bed.start_relay();
  bed.await_progress(300);
  ServerControl::restart(Server::kKafka);
  bed.await_progress(300);
  ServerControl::kill(Server::kKafka);
  ServerControl::start(Server::kKafka);
  bed.await_progress(300);
  expect_promise(bed, 2, 0);
}

}  // namespace
}  // namespace penstock::tests
