// A store that is being filled is closed to all others, and nothing of a stranger is written over.
#include <gmock/gmock.h>

#include "tests/contract/transfer/transfer_contract.h"

namespace penstock::tests {
namespace {

using store::Filling;
using testing::HasSubstr;
using testing::StartsWith;

store::LogRow row(std::int64_t position, std::string_view stream, std::int64_t version) {
  store::LogRow made;
  made.event = {.id = EventId::from_name(kNamespaceUrl, std::to_string(position)), .stream = stream};
  made.event.category = "order";
  made.event.type = "placed";
  made.event.position = Position{position};
  made.event.version = Version{version};
  made.event.occurred_at = made.event.recorded_at = Timestamp(std::chrono::seconds(1'770'000'000));
  return made;
}

std::vector<store::LogRow> two_rows() { return {row(1, "order-1", 0), row(2, "order-1", 1)}; }

TEST_P(ClosingContract, RefusesAppendsAndLeasesUntilTheImportHasEnded) {
  ASSERT_EQ(code_of(to().transfer->begin(Position{0})), "ok");
  ASSERT_EQ(code_of(to().transfer->load(two_rows())), "ok");
  EXPECT_EQ(try_to_append(to(), "order-1"), "store.importing");
  EXPECT_EQ(try_to_append(to(), "order-9"), "store.importing");
  EXPECT_EQ(code_of(to().store->leases().take("route/r", "me")), "store.importing");
  EXPECT_EQ(to().transfer->filling()->open, Filling::Open::kYes);
  EXPECT_EQ(to().store->is_importing(), true);
  ASSERT_EQ(code_of(to().transfer->finish()), "ok");
  EXPECT_EQ(to().store->is_importing(), false);
  EXPECT_EQ(try_to_append(to(), "order-1"), "ok");
  EXPECT_EQ(code_of(to().store->leases().take("route/r", "me")), "ok");
  EXPECT_EQ(to().transfer->filling()->open, Filling::Open::kNo);
  EXPECT_EQ(to().store->log().head().value(), Position{3});
}

TEST_P(ClosingContract, TakesNothingAwayUntilTheImportHasEnded) {
  ASSERT_EQ(code_of(to().transfer->begin(Position{0})), "ok");
  ASSERT_EQ(code_of(to().transfer->load(two_rows())), "ok");
  // With something to scavenge and to drop, which an import can bring.
  store::StreamRetention cut{.last_version = Version{1}, .truncate_before = Version{1}};
  ASSERT_EQ(code_of(to().transfer->keep_retention("order-1", cut)), "ok");
  store::Retention& retention = to().store->retention();
  EXPECT_EQ(code_of(retention.remove("order-1", store::Removal::kDelete, store::AnyVersion{})), "store.importing");
  EXPECT_EQ(code_of(retention.remove("order-1", store::Removal::kTombstone, store::AnyVersion{})), "store.importing");
  EXPECT_EQ(code_of(retention.truncate("order-1", Version{2})), "store.importing");
  EXPECT_EQ(code_of(retention.set_limits("order-1", {.max_count = 1})), "store.importing");
  EXPECT_EQ(code_of(retention.scavenge(100)), "store.importing");
  EXPECT_EQ(code_of(retention.raise_floor(Position{1}, {})), "store.importing");
  EXPECT_EQ(code_of(retention.drop(100)), "store.importing");
  const auto kept = retention.find("order-1");
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->state, store::StreamState::kLive);
  EXPECT_EQ((*kept)->truncate_before, Version{1});
  EXPECT_EQ((*kept)->limits, store::StreamLimits());
  ASSERT_EQ(code_of(to().transfer->load(std::vector{row(3, "order-1", 2)})), "ok");
  ASSERT_EQ(code_of(to().transfer->finish()), "ok");
  EXPECT_EQ(retention.scavenge(100)->events, 1U);
  EXPECT_EQ(code_of(retention.remove("order-1", store::Removal::kTombstone, store::AnyVersion{})), "ok");
}

TEST_P(ClosingContract, TakesNothingAwayOfAnEmptyStoreThatIsBeingFilled) {
  ASSERT_EQ(code_of(to().transfer->begin(Position{0})), "ok");
  EXPECT_EQ(code_of(to().store->retention().scavenge(100)), "store.importing");
  EXPECT_EQ(code_of(to().store->retention().drop(100)), "store.importing");
  EXPECT_EQ(code_of(to().store->retention().set_limits("order-1", {.max_count = 1})), "store.importing");
}

TEST_P(ClosingContract, StaysClosedWhenTheImportDies) {
  ASSERT_EQ(code_of(to().transfer->begin(Position{0})), "ok");
  ASSERT_EQ(code_of(to().transfer->load(two_rows())), "ok");
  to().transfer = to().database->open_transfer();
  EXPECT_EQ(to().transfer->filling()->open, Filling::Open::kYes);
  EXPECT_EQ(to().transfer->filling()->head, Position{2});
  EXPECT_EQ(try_to_append(to(), "order-1"), "store.importing");
  EXPECT_EQ(code_of(to().transfer->begin(Position{2})), "ok");
  EXPECT_EQ(code_of(to().transfer->load(std::vector{row(3, "order-2", 0)})), "ok");
}

TEST_P(ClosingContract, DoesNotBeginWhileSomebodyDrivesARoute) {
  const auto lease = to().store->leases().take("route/orders", "the-daemon");
  ASSERT_TRUE(lease) << lease.error().describe();
  const auto refused = to().transfer->begin(Position{0});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().name, "store.in_use");
  EXPECT_THAT(std::string(refused.error().message()), HasSubstr("route/orders is driven by the-daemon"));
  ASSERT_TRUE(to().store->leases().release(*lease));
  EXPECT_EQ(code_of(to().transfer->begin(Position{0})), "ok");
}

TEST_P(ClosingContract, DoesNotBeginWhereTheHeadHasMoved) {
  append(to(), "order-1");
  EXPECT_EQ(code_of(to().transfer->begin(Position{0})), "store.other_events");
  EXPECT_EQ(to().transfer->filling()->open, Filling::Open::kNo);
}

TEST_P(ClosingContract, WritesNothingOfABatchThatDoesNotFit) {
  ASSERT_EQ(code_of(to().transfer->begin(Position{0})), "ok");
  EXPECT_EQ(code_of(to().transfer->load(std::vector{row(1, "order-1", 0), row(3, "order-1", 1)})),
            "store.invalid_request");
  EXPECT_EQ(code_of(to().transfer->load(std::vector{row(1, "order-1", 0), row(2, "order-1", 2)})),
            "store.invalid_request");
  std::vector<store::LogRow> twice = two_rows();
  twice[1].event.id = twice[0].event.id;
  EXPECT_EQ(code_of(to().transfer->load(twice)), "store.invalid_request");
  EXPECT_EQ(to().transfer->filling()->head, Position{0});
  EXPECT_EQ(code_of(to().transfer->load(two_rows())), "ok");
}

TEST_P(ClosingContract, LoadsNothingBeforeItHasBegun) {
  EXPECT_EQ(code_of(to().transfer->load(two_rows())), "store.other_events");
  EXPECT_EQ(to().store->log().head().value(), Position{0});
}

TEST_P(ClosingContract, MovesACheckpointOnlyForwardAndToItsOwnEvent) {
  ASSERT_EQ(code_of(to().transfer->begin(Position{0})), "ok");
  ASSERT_EQ(code_of(to().transfer->load(two_rows())), "ok");
  const std::vector<store::LogRow> rows = two_rows();
  EXPECT_EQ(code_of(to().transfer->keep_checkpoint("r", Position{2}, rows[0].event.id)), "store.invalid_request");
  EXPECT_EQ(code_of(to().transfer->keep_checkpoint("r", Position{3}, rows[0].event.id)), "store.invalid_request");
  EXPECT_EQ(code_of(to().transfer->keep_checkpoint("r", Position{2}, rows[1].event.id)), "ok");
  EXPECT_EQ(code_of(to().transfer->keep_checkpoint("r", Position{1}, rows[0].event.id)), "ok");
  const auto kept = to().store->checkpoints().load("r");
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->position, Position{2});
  EXPECT_EQ((*kept)->event_id, rows[1].event.id);
  EXPECT_EQ((*kept)->identity, to().store->identity().value());
}

}  // namespace
}  // namespace penstock::tests
