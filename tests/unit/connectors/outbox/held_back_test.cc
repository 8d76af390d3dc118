#include "connectors/outbox/held_back.h"

#include <gtest/gtest.h>

#include "tests/support/recording_log.h"

namespace penstock::outbox {
namespace {

using connectors::Blocker;
using namespace std::chrono_literals;

const SteadyTime kStart = SteadyTime() + 1h;

Blocker blocker_of_unknown_age(std::string transaction) {
  return {4711, "psql", 0s, Blocker::Age::kAtLeast, std::move(transaction)};
}

TEST(HeldBack, SaysSinceWhenATransactionIsOpen) {
  tests::RecordingLog log;
  HeldBack held_back("orders", log);
  held_back.saw(Blocker{4711, "", 30s}, kStart);
  EXPECT_NE(log.text().find("the transaction of pid 4711 has been open for 30 s and may still commit"),
            std::string::npos)
      << log.text();
}

TEST(HeldBack, CountsAnAgeThatItMayNotSeeFromWhenItNoticedTheTransaction) {
  tests::RecordingLog log;
  HeldBack held_back("orders", log);
  held_back.saw(blocker_of_unknown_age("3/12"), kStart);
  EXPECT_NE(log.text().find("pid 4711 (psql) is open (GRANT pg_read_all_stats TO"), std::string::npos) << log.text();
  held_back.saw(blocker_of_unknown_age("3/12"), kStart + 5s);
  EXPECT_EQ(held_back.by()->age, 5s);
  held_back.saw(blocker_of_unknown_age("3/13"), kStart + 6s);
  EXPECT_EQ(held_back.by()->age, 0s) << "another transaction of the same session";
}

}  // namespace
}  // namespace penstock::outbox
