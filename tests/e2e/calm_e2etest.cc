// Without a fault: everything once, in order, and nothing read twice.
#include <gtest/gtest.h>

#include "tests/e2e/relay_bed.h"

namespace penstock::tests {
namespace {

class EndToEnd : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    PENSTOCK_NEEDS(Server::kKafka);
    PENSTOCK_NEEDS(Server::kRabbitMq);
  }
};

// The sum of a counter over the reported details of all routes.
std::string counter(const FreshDatabase& database, const std::string& name) {
  return database.value("select coalesce(sum((details->>'" + name + "')::bigint), -1) from penstock.route_state");
}

TEST_F(EndToEnd, DeliversEverythingOnceInACalmRun) {
  RelayBed bed;
  bed.start_load();
  bed.start_relay();
  bed.await_progress(3'000);
  const Verdicts verdicts = bed.finish();
  EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed.log_text();
  EXPECT_EQ(verdicts.kafka.all_duplicates(), 0U) << verdicts.text();
  EXPECT_EQ(verdicts.rabbit.all_duplicates(), 0U) << verdicts.text();
  EXPECT_GE(verdicts.kafka.delivered, 3'000U);
  EXPECT_EQ(counter(bed.database(), "rereads"), "0");
}

TEST_F(EndToEnd, LeavesNoDuplicateBehindWhenStoppedUnderLoad) {
  RelayBed bed;
  bed.start_load();
  for (int stop = 0; stop < 4; ++stop) {
    bed.start_relay();
    bed.await_progress(400);
    bed.stop_relay();
  }
  bed.start_relay();
  const Verdicts verdicts = bed.finish();
  EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed.log_text();
  EXPECT_EQ(verdicts.kafka.all_duplicates(), 0U) << verdicts.text();
  EXPECT_EQ(verdicts.rabbit.all_duplicates(), 0U) << verdicts.text();
}

}  // namespace
}  // namespace penstock::tests
