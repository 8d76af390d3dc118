// The primary of the store is lost, and an asynchronous standby promoted: with everything, or without the last events.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/e2e/failover_bed.h"
#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

using Ids = std::vector<std::string>;

class Failover : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    if (!ServerControl::available()) GTEST_SKIP() << "PENSTOCK_TEST_SERVERS is not set: no primary can be lost";
  }

  static nlohmann::json gaps(const FailoverBed& bed) {
    return nlohmann::json::parse(bed.penstock({"gaps", "ls", "-o", "json"}));
  }
  // The gap record of a route, whole; null when it has none.
  static nlohmann::json gap_of(const FailoverBed& bed, const std::string& route) {
    for (const auto& gap : gaps(bed))
      if (gap["route"] == route)
        return nlohmann::json::parse(
            bed.penstock({"gaps", "show", std::to_string(gap["number"].get<int>()), "-o", "json"}));
    return nullptr;
  }
  static void acknowledge_all(const FailoverBed& bed) {
    for (const auto& gap : gaps(bed))
      bed.penstock({"gaps", "ack", std::to_string(gap["number"].get<int>()), "--by", "anna"});
  }
  static std::size_t lines_with(const std::string& text, std::string_view word) {
    std::size_t lines = 0;
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, text.find('\n', at))) ++lines;
    return lines;
  }
  // Delivers and replicates 50 events, then delivers 20 that the standby never gets, and fails over.
  static Ids lose_a_tail(FailoverBed& bed) {
    bed.await(bed.insert(50));
    bed.servers().await_standby();
    bed.servers().cut();
    Ids lost = bed.insert(20);
    bed.await(lost);
    bed.servers().fail_over();
    return lost;
  }
};

TEST_F(Failover, ThatLostNothingIsFollowedWithinSeconds) {
  FailoverBed bed;
  bed.start();
  bed.await(bed.insert(100));
  bed.servers().await_standby();
  const std::string incarnation = bed.servers().value("SELECT incarnation + 1 FROM penstock.head");
  bed.servers().fail_over();
  const auto promoted = std::chrono::steady_clock::now();
  bed.await(bed.insert(20));
  const auto took = std::chrono::steady_clock::now() - promoted;
  fmt::print("goes on {} ms after the promotion\n",
             std::chrono::duration_cast<std::chrono::milliseconds>(took).count());

  EXPECT_TRUE(gaps(bed).empty()) << bed.log_text();
  EXPECT_EQ(bed.servers().value("SELECT incarnation FROM penstock.head"), incarnation);
  std::int64_t last = 0;
  for (const FailoverBed::Arrival& arrival : bed.arrivals()) {
    EXPECT_LE(arrival.position, last + 1) << "a position was skipped";
    last = std::max(last, arrival.position);
  }
  EXPECT_EQ(last, 120);
  EXPECT_EQ(bed.arrived_ids().size(), 120U);
  bed.stop();
}

TEST_F(Failover, ThatLostATailStopsTheRoutesUntilItIsAcknowledged) {
  FailoverBed bed;
  bed.start();
  const Ids lost = lose_a_tail(bed);
  bed.await_state("to-out", "backing_off", "relay.lost_tail");
  bed.await_state("orders-in", "backing_off", "relay.lost_tail");
  for (const char* route : {"to-out", "orders-in"}) {
    const nlohmann::json gap = gap_of(bed, route);
    ASSERT_FALSE(gap.is_null()) << route << bed.log_text();
    EXPECT_EQ(gap["event_ids"], nlohmann::json(lost)) << route;
    EXPECT_EQ(gap["from"], "51");
    EXPECT_EQ(gap["to"], "70");
    EXPECT_TRUE(gap["acknowledged_by"].is_null());
  }
  EXPECT_TRUE(bed.relay().running());
  EXPECT_EQ(lines_with(bed.log_text(), "a failover lost the end of the log"), 2U) << bed.log_text();

  const Ids later = bed.insert(5);
  bed.await_state("orders-in", "backing_off", "relay.lost_tail");
  EXPECT_EQ(bed.servers().value("SELECT position FROM penstock.head"), "50") << "something passed over the gap";
  acknowledge_all(bed);
  bed.await(later);
  bed.await_state("to-out", "running", "");
  EXPECT_EQ(bed.arrivals().back().position, 55) << "positions of what was lost are given out again";
  EXPECT_EQ(bed.arrived_ids().size(), 75U);
  EXPECT_EQ(gap_of(bed, "to-out")["acknowledged_by"], "anna");
  bed.stop();
}

// Only who sent the events can name them, and by then another instance may drive the routes.
TEST_F(Failover, ThatLostATailIsFoundWhereAnotherInstanceTookOver) {
  FailoverBed bed;
  bed.start();
  bed.await(bed.insert(50));
  const auto other = bed.start_other();
  ASSERT_TRUE(eventually(
      [&] { return bed.servers().value("SELECT count(*) FROM penstock.route_state WHERE phase = 'standby'") == "2"; },
      Deadline::in(std::chrono::seconds(20))))
      << bed.log_text();
  bed.servers().await_standby();
  bed.servers().cut();
  const Ids lost = bed.insert(20);
  bed.await(lost);
  const std::string owner = bed.servers().value("SELECT min(owner) FROM penstock.leases");
  ASSERT_EQ(::kill(bed.relay().pid(), SIGSTOP), 0);
  bed.servers().fail_over();
  const bool taken_over = eventually(
      [&] { return bed.servers().value("SELECT count(*) FROM penstock.leases WHERE owner <> '" + owner + "'") == "2"; },
      Deadline::in(std::chrono::seconds(20)));
  ::kill(bed.relay().pid(), SIGCONT);
  ASSERT_TRUE(taken_over) << bed.log_text();
  bed.await_state("to-out", "backing_off", "relay.lost_tail");
  bed.await_state("orders-in", "backing_off", "relay.lost_tail");
  EXPECT_EQ(gap_of(bed, "to-out")["event_ids"], nlohmann::json(lost)) << bed.log_text();
  EXPECT_EQ(gap_of(bed, "orders-in")["event_ids"], nlohmann::json(lost)) << bed.log_text();
  acknowledge_all(bed);
  bed.await(bed.insert(5));
  bed.stop();
}

TEST_F(Failover, ThatLostATailIsPassedWhereTheRoutesMayGoOn) {
  FailoverBed bed("continue");
  bed.start();
  const Ids lost = lose_a_tail(bed);
  const Ids later = bed.insert(5);
  bed.await(later);
  EXPECT_EQ(gap_of(bed, "to-out")["event_ids"], nlohmann::json(lost)) << bed.log_text();
  EXPECT_EQ(gap_of(bed, "orders-in")["event_ids"], nlohmann::json(lost)) << bed.log_text();
  EXPECT_EQ(lines_with(bed.log_text(), "a failover lost the end of the log"), 2U) << bed.log_text();
  bed.stop();
}

TEST_F(Failover, BeforeARestartLeavesOneWarningOfWhatCannotBeKnown) {
  FailoverBed bed;
  bed.start();
  bed.await(bed.insert(30));
  bed.stop();
  bed.servers().await_standby();
  bed.servers().fail_over();
  constexpr std::string_view kWarning = "what was sent beyond it before is not known";
  bed.start();
  bed.await(bed.insert(10));
  EXPECT_EQ(lines_with(bed.log_text(), kWarning), 1U) << bed.log_text();
  EXPECT_TRUE(gaps(bed).empty());
  bed.stop();
  bed.start();
  bed.await(bed.insert(10));
  EXPECT_EQ(lines_with(bed.log_text(), kWarning), 1U) << "said again though the checkpoint is of this store by now";
  EXPECT_EQ(bed.arrivals().size(), 50U) << "duplicates after orderly stops";
  bed.stop();
}

TEST_F(Failover, KeepsAFormerPrimaryThatComesBackFromBeingWrittenTo) {
  FailoverBed bed;
  bed.start();
  bed.await(bed.insert(30));
  bed.servers().await_standby();
  bed.servers().fail_over();
  bed.await(bed.insert(10));
  bed.servers().revive_primary();
  // The former primary comes first in the URL: every new session meets it.
  run_sql(bed.servers().standby_url(),
          "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'penstock %'");
  ASSERT_TRUE(eventually([&] { return lines_with(bed.log_text(), "it is a former primary") > 0; })) << bed.log_text();
  const Ids later = bed.insert(10);
  EXPECT_EQ(run_sql(bed.servers().primary_url(), "SELECT position FROM penstock.head"), "30");
  ServerControl::run({"kill", "primary"});
  bed.await(later);
  EXPECT_EQ(run_sql(bed.servers().standby_url(), "SELECT position FROM penstock.head"), "50");
  bed.stop();
}

}  // namespace
}  // namespace penstock::tests
