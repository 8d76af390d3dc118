#include "store/gaps_of_sources.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"

namespace penstock::store {
namespace {

using Is = SourceGaps::Recorded::Is;

class GapsOfSourcesTest : public testing::Test {
 protected:
  std::int64_t record(std::string_view source, std::int64_t from, std::int64_t to) {
    return of_sources_.record(source, {"wal.slot_lost", Position{from}, Position{to}}).value();
  }

  tests::ManualClock clock_;
  tests::MemoryStore store_{std::make_shared<tests::MemoryDatabase>(clock_), tests::MemoryStore::Appending::kAtOnce};
  GapsOfSources of_sources_{store_.gaps()};
};

TEST_F(GapsOfSourcesTest, ArePutOnRecordOnceEach) {
  const auto first = record("orders", 10, 20);
  EXPECT_EQ(record("orders", 10, 20), first);
  EXPECT_NE(record("orders", 10, 30), first);
  EXPECT_NE(record("orders", 20, 30), first);
  EXPECT_NE(record("bills", 10, 20), first);
  const auto kept = store_.gaps().find(first).value();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->route, "orders");
  EXPECT_EQ(kept->reason, "wal.slot_lost");
  EXPECT_EQ(kept->from, Position{10});
  EXPECT_EQ(kept->to, Position{20});
}

TEST_F(GapsOfSourcesTest, AreFoundByTheirReasonUntilTheyAreAcknowledged) {
  EXPECT_FALSE(of_sources_.find_open("orders", "wal.slot_lost").value());
  const auto first = record("orders", 10, 20);
  EXPECT_EQ(of_sources_.find_open("orders", "wal.slot_lost").value()->number, first);
  EXPECT_FALSE(of_sources_.find_open("orders", "wal.slot_ahead").value());
  EXPECT_FALSE(of_sources_.find_open("bills", "wal.slot_lost").value());
  ASSERT_TRUE(store_.gaps().acknowledge(first, "anna"));
  EXPECT_FALSE(of_sources_.find_open("orders", "wal.slot_lost").value());
}

TEST_F(GapsOfSourcesTest, AreListedFromAPlaceOnForOneSource) {
  record("orders", 5, 10);
  const auto first = record("orders", 10, 20);
  record("bills", 10, 20);
  const auto second = of_sources_.record("orders", {"wal.slot_ahead", Position{10}, Position{30}}).value();
  ASSERT_TRUE(store_.gaps().acknowledge(second, "anna"));
  const auto listed = of_sources_.list("orders", Position{10});
  ASSERT_EQ(listed.value().size(), 2u);
  EXPECT_EQ((*listed)[0].number, first);
  EXPECT_EQ((*listed)[0].is, Is::kOpen);
  EXPECT_EQ((*listed)[1].number, second);
  EXPECT_EQ((*listed)[1].is, Is::kAcknowledged);
  EXPECT_EQ((*listed)[1].gap.reason, "wal.slot_ahead");
  EXPECT_EQ((*listed)[1].gap.to, Position{30});
  EXPECT_EQ(of_sources_.list("orders", Position{31})->size(), 0u);
}

// More records than one look fetches.
TEST_F(GapsOfSourcesTest, AreFoundBehindManyOthers) {
  for (std::int64_t from = 1; from <= 250; ++from) record("bills", from, from);
  const auto last = record("orders", 10, 20);
  for (std::int64_t from = 251; from <= 300; ++from) record("bills", from, from);
  EXPECT_EQ(of_sources_.find_open("orders", "wal.slot_lost").value()->number, last);
}

}  // namespace
}  // namespace penstock::store
