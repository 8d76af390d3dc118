// Moving a store whose log begins behind a floor.
#include <gmock/gmock.h>

#include <filesystem>

#include "store/dropping.h"
#include "tests/contract/transfer/transfer_contract.h"

namespace penstock::tests {

using testing::HasSubstr;

void FloorMoveContract::fill_and_drop() {
  for (const char* stream : {"gone-1", "order-1", "gone-2", "order-1", "order-2"}) append(from(), stream);
  ASSERT_TRUE(from().store->retention().remove("gone-2", store::Removal::kTombstone, store::AnyVersion{}));
  const auto lease = from().store->leases().take("route/r", "me");
  ASSERT_TRUE(lease && from().store->checkpoints().create(*lease, "r", Position{3}));
  ASSERT_TRUE(from().store->checkpoints().create(*lease, "late", Position{1}));
  const auto dropped = store::drop(*from().store, {Position{3}, {"late"}}, [](std::uint64_t) {});
  ASSERT_TRUE(dropped) << dropped.error().describe();
}

void FloorMoveContract::expect_sound() {
  const auto checks = to().store->check_integrity();
  ASSERT_TRUE(checks) << checks.error().describe();
  for (const store::IntegrityCheck& check : *checks) {
    const bool is_open_gap = check.subject == "no gap waits for an operator";
    EXPECT_TRUE(is_open_gap || check.verdict == store::IntegrityCheck::Verdict::kProved)
        << check.subject << ": " << check.words;
  }
}

namespace {

TEST_P(FloorMoveContract, KeepsWhereTheLogBegins) {
  fill_and_drop();
  EXPECT_EQ(export_from(from()).rows, 2U);
  EXPECT_EQ(import_to(to()).written, 2U);
  EXPECT_EQ(to().store->log().floor().value(), Position{3});
  EXPECT_EQ(to().store->log().head().value(), Position{5});
  EXPECT_EQ(to().store->log().event_id_at(Position{3}).value(), from().store->log().event_id_at(Position{3}).value());
  EXPECT_EQ(code_of(to().store->log().read_after(Position{0}, {}, {})), "store.removed");
  EXPECT_EQ(to().store->checkpoints().load("r").value()->position, Position{3});
  const auto passed = to().store->checkpoints().load("late").value();
  ASSERT_TRUE(passed) << "or a route that starts at the head would begin there";
  EXPECT_EQ(passed->position, Position{3});
  EXPECT_EQ(to().store->gaps().list(0, 10)->size(), 1U);
  expect_sound();
}

TEST_P(FloorMoveContract, KeepsTheVersionsOfStreamsWhoseBeginningIsGone) {
  fill_and_drop();
  export_from(from());
  import_to(to());
  EXPECT_EQ(to().store->events().counts()->streams, 4U);
  EXPECT_EQ(to().store->retention().find("gone-1").value()->last_version, Version{0});
  EXPECT_EQ(to().store->retention().find("gone-2").value()->state, store::StreamState::kTombstoned);
  append(to(), "gone-1");
  EXPECT_EQ(to().store->retention().find("gone-1").value()->last_version, Version{1});
  EXPECT_EQ(to().store->retention().find("order-1").value()->last_version, Version{1});
  expect_sound();
}

TEST_P(FloorMoveContract, GoesOnWhereAnImportHasOnlyBegun) {
  fill_and_drop();
  export_from(from());
  ASSERT_TRUE(to().transfer->begin(Position{0}));
  ASSERT_TRUE(to().transfer->begin_behind(Position{3}, from().store->log().event_id_at(Position{3}).value().value()));
  EXPECT_EQ(import_to(to()).written, 2U);
  EXPECT_EQ(import_to(to()).verified, 2U);
  expect_sound();
}

TEST_P(FloorMoveContract, MovesALogThatHasNothingLeft) {
  fill_and_drop();
  ASSERT_TRUE(store::drop(*from().store, {Position{5}, {"r", "late"}}, [](std::uint64_t) {}));
  EXPECT_EQ(export_from(from()).rows, 0U);
  import_to(to());
  EXPECT_EQ(to().store->log().head().value(), Position{5});
  append(to(), "order-1");
  EXPECT_EQ(to().store->log().head().value(), Position{6});
  EXPECT_EQ(to().store->retention().find("order-1").value()->last_version, Version{2});
  expect_sound();
}

TEST_P(FloorMoveContract, DoesNotResumeWhatTheStoreHasDroppedSince) {
  fill_and_drop();
  export_from(from());
  std::filesystem::rename(path(), path("b.jsonl.partial"));
  const auto before = lines_of(path("b.jsonl.partial"));
  for (const std::int64_t floor : {4, 5}) {
    ASSERT_TRUE(store::drop(*from().store, {Position{floor}, {"r", "late"}}, [](std::uint64_t) {}));
    const auto refused = store::archive::export_store(
        *from().store, *from().transfer,
        {.path = path("b.jsonl"), .begin = store::archive::ExportSettings::Begin::kResumed}, SystemClock(),
        [](const auto&) {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(code_of(refused), "store.removed");
    EXPECT_THAT(refused.error().message(), HasSubstr("dropped up to " + std::to_string(floor)));
    EXPECT_EQ(lines_of(path("b.jsonl.partial")), before);
  }
}

TEST_P(FloorMoveContract, RefusesAStoreThatHasEvents) {
  fill_and_drop();
  export_from(from());
  append(to(), "order-1");
  EXPECT_THAT(import_error(to()), HasSubstr("store.other_events"));
  EXPECT_THAT(code_of(store::archive::export_store(*from().store, *from().transfer,
                                                   {.path = path("b.jsonl"), .after = Position{2}}, SystemClock(),
                                                   [](const auto&) {})),
              "store.removed");
}

}  // namespace
}  // namespace penstock::tests
