#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

Position position_of(store::Store& store, std::string_view route) {
  const auto loaded = store.checkpoints().load(route);
  EXPECT_TRUE(loaded) << loaded.error().describe();
  return loaded && *loaded ? (*loaded)->position : Position{-1};
}

TEST_P(CheckpointContract, HasNoneAtFirst) {
  const auto loaded = store().checkpoints().load("to-kafka");
  ASSERT_TRUE(loaded) << loaded.error().describe();
  EXPECT_FALSE(*loaded);
  EXPECT_TRUE(store().checkpoints().list()->empty());
}

TEST_P(CheckpointContract, CreatesTheFirstOne) {
  fill("order-1", 3);
  const auto made = store().checkpoints().create(take("route/to-kafka"), "to-kafka", Position{0});
  ASSERT_TRUE(made) << made.error().describe();
  EXPECT_EQ(made->position, Position{0});
  EXPECT_TRUE(made->event_id.is_nil());
  EXPECT_EQ(made->identity, store().identity());
}

TEST_P(CheckpointContract, LeavesAnExistingOneAsItIs) {
  fill("order-1", 3);
  const Lease lease = take("route/to-kafka");
  ASSERT_TRUE(store().checkpoints().create(lease, "to-kafka", Position{2}));
  EXPECT_EQ(store().checkpoints().create(lease, "to-kafka", Position{0})->position, Position{2});
}

TEST_P(CheckpointContract, RefusesToStartBeyondTheHead) {
  fill("order-1", 1);
  EXPECT_EQ(code_of(store().checkpoints().create(take("route/to-kafka"), "to-kafka", Position{2})), "store.corrupt");
}

TEST_P(CheckpointContract, NamesTheEventAtItsPosition) {
  ASSERT_TRUE(append(lettered("order-1", "abc")));
  const Lease lease = take("route/to-kafka");
  EXPECT_EQ(store().checkpoints().create(lease, "to-kafka", Position{1})->event_id, id_of('a'));
  ASSERT_TRUE(store().checkpoints().advance(lease, "to-kafka", Position{1}, Position{3}));
  EXPECT_EQ((*store().checkpoints().load("to-kafka"))->event_id, id_of('c'));
}

TEST_P(CheckpointContract, AdvancesAndOutlivesARestart) {
  fill("order-1", 5);
  const Lease lease = take("route/to-kafka");
  ASSERT_TRUE(store().checkpoints().create(lease, "to-kafka", Position{0}));
  ASSERT_TRUE(store().checkpoints().advance(lease, "to-kafka", Position{0}, Position{2}));
  ASSERT_TRUE(store().checkpoints().advance(lease, "to-kafka", Position{2}, Position{5}));
  reopen();
  EXPECT_EQ(position_of(store(), "to-kafka"), Position{5});
  EXPECT_EQ((*store().checkpoints().load("to-kafka"))->store, store::Checkpoint::Store::kSame);
}

TEST_P(CheckpointContract, TakesTheSameAdvanceTwice) {
  fill("order-1", 5);
  const Lease lease = take("route/to-kafka");
  ASSERT_TRUE(store().checkpoints().create(lease, "to-kafka", Position{0}));
  ASSERT_TRUE(store().checkpoints().advance(lease, "to-kafka", Position{0}, Position{2}));
  EXPECT_EQ(code_of(store().checkpoints().advance(lease, "to-kafka", Position{0}, Position{2})), "ok");
  EXPECT_EQ(position_of(store(), "to-kafka"), Position{2});
}

TEST_P(CheckpointContract, RefusesAnAdvanceFromAnotherPosition) {
  fill("order-1", 5);
  const Lease lease = take("route/to-kafka");
  ASSERT_TRUE(store().checkpoints().create(lease, "to-kafka", Position{2}));
  EXPECT_EQ(code_of(store().checkpoints().advance(lease, "to-kafka", Position{1}, Position{4})), "store.corrupt");
  EXPECT_EQ(code_of(store().checkpoints().advance(lease, "to-kafka", Position{3}, Position{4})), "store.corrupt");
  EXPECT_EQ(position_of(store(), "to-kafka"), Position{2});
}

TEST_P(CheckpointContract, NeverGoesBack) {
  fill("order-1", 5);
  const Lease lease = take("route/to-kafka");
  ASSERT_TRUE(store().checkpoints().create(lease, "to-kafka", Position{4}));
  EXPECT_EQ(code_of(store().checkpoints().advance(lease, "to-kafka", Position{4}, Position{3})), "store.corrupt");
  EXPECT_EQ(position_of(store(), "to-kafka"), Position{4});
}

TEST_P(CheckpointContract, NeverGoesBeyondTheHead) {
  fill("order-1", 2);
  const Lease lease = take("route/to-kafka");
  ASSERT_TRUE(store().checkpoints().create(lease, "to-kafka", Position{0}));
  EXPECT_EQ(code_of(store().checkpoints().advance(lease, "to-kafka", Position{0}, Position{3})), "store.corrupt");
  EXPECT_EQ(position_of(store(), "to-kafka"), Position{0});
}

TEST_P(CheckpointContract, RefusesToAdvanceOneThatDoesNotExist) {
  fill("order-1", 2);
  const Lease lease = take("route/to-kafka");
  EXPECT_EQ(code_of(store().checkpoints().advance(lease, "to-kafka", Position{0}, Position{2})), "store.corrupt");
}

TEST_P(CheckpointContract, FencesAFormerOwner) {
  fill("order-1", 5);
  const Lease former = take("route/to-kafka");
  ASSERT_TRUE(store().checkpoints().create(former, "to-kafka", Position{0}));
  backend().age(store::kLeaseDuration + std::chrono::seconds(1));
  const auto other = open_another();
  const auto lease = other->leases().take("route/to-kafka", "instance-b");
  ASSERT_TRUE(lease) << lease.error().describe();
  EXPECT_EQ(code_of(store().checkpoints().advance(former, "to-kafka", Position{0}, Position{5})), "store.fenced");
  EXPECT_EQ(code_of(store().checkpoints().create(former, "other", Position{0})), "store.fenced");
  EXPECT_EQ(code_of(store().checkpoints().rename(former, "to-kafka", "new")), "store.fenced");
  EXPECT_EQ(code_of(other->checkpoints().advance(*lease, "to-kafka", Position{0}, Position{1})), "ok");
}

TEST_P(CheckpointContract, FencesAnOwnerThatGaveItsLeaseBack) {
  fill("order-1", 1);
  const Lease lease = take("route/to-kafka");
  ASSERT_TRUE(store().checkpoints().create(lease, "to-kafka", Position{0}));
  ASSERT_TRUE(store().leases().release(lease));
  EXPECT_EQ(code_of(store().checkpoints().advance(lease, "to-kafka", Position{0}, Position{1})), "store.fenced");
}

TEST_P(CheckpointContract, FencesWhoGoesByAnotherLog) {
  fill("order-1", 2);
  const Lease lease = take("route/to-kafka");
  ASSERT_TRUE(store().checkpoints().create(lease, "to-kafka", Position{0}));
  const std::uint64_t generation = store().log().generation();
  const auto advance = [&](std::uint64_t goes_by) {
    store::Settled to(Position{2});
    to.generation = goes_by;
    return code_of(store().checkpoints().advance(lease, "to-kafka", Position{0}, to));
  };
  EXPECT_EQ(advance(generation + 1), "store.fenced");
  EXPECT_EQ(position_of(store(), "to-kafka"), Position{0});
  EXPECT_EQ(advance(generation), "ok");
}

TEST_P(CheckpointContract, KeepsRoutesApart) {
  fill("order-1", 3);
  const Lease a = take("route/a"), b = take("route/b");
  ASSERT_TRUE(store().checkpoints().create(a, "a", Position{0}));
  ASSERT_TRUE(store().checkpoints().create(b, "b", Position{1}));
  ASSERT_TRUE(store().checkpoints().advance(a, "a", Position{0}, Position{3}));
  EXPECT_EQ(position_of(store(), "a"), Position{3});
  EXPECT_EQ(position_of(store(), "b"), Position{1});
  const auto list = store().checkpoints().list();
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[0].first, "a");
  EXPECT_EQ((*list)[1].second.position, Position{1});
}

TEST_P(CheckpointContract, CarriesOverToARenamedRoute) {
  fill("order-1", 3);
  const Lease lease = take("route/new");
  ASSERT_TRUE(store().checkpoints().create(take("route/old"), "old", Position{2}));
  ASSERT_TRUE(store().checkpoints().rename(lease, "old", "new"));
  EXPECT_EQ(position_of(store(), "new"), Position{2});
  EXPECT_FALSE(*store().checkpoints().load("old"));
}

// Whoever goes on behind a loss waits for the same operator, under whatever name.
TEST_P(CheckpointContract, TakesGapRecordsAlongToARenamedRoute) {
  fill("order-1", 3);
  const auto gap_of = [](std::string route, store::GapRecord::Of of = store::GapRecord::Of::kRoute) {
    return store::GapRecord{
        .of = of, .route = std::move(route), .reason = "store.removed", .from = Position{1}, .to = Position{2}};
  };
  store::Gaps& gaps = store().gaps();
  const auto open = gaps.record(gap_of("old"));
  ASSERT_TRUE(open && gaps.record(gap_of("old", store::GapRecord::Of::kSource)) && gaps.record(gap_of("other")));
  const Lease lease = take("route/new");
  ASSERT_TRUE(store().checkpoints().create(take("route/old"), "old", Position{2}));
  ASSERT_TRUE(store().checkpoints().rename(lease, "old", "new"));
  const auto found = gaps.find_open("new");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->number, *open);
  EXPECT_FALSE(*gaps.find_open("old"));
  EXPECT_TRUE(*gaps.find_open("other"));
  EXPECT_EQ((*gaps.find(*open + 1))->route, "old") << "that of a source";

  ASSERT_TRUE(gaps.record(gap_of("older")) && gaps.record(gap_of("newer")));
  ASSERT_TRUE(store().checkpoints().create(take("route/older"), "older", Position{2}));
  EXPECT_EQ(code_of(store().checkpoints().rename(take("route/newer"), "older", "newer")), "ok")
      << "both names have the same record";
  EXPECT_EQ(position_of(store(), "newer"), Position{2});
}

TEST_P(CheckpointContract, KeepsTheNewOneWhereBothExist) {
  fill("order-1", 3);
  const Lease lease = take("route/new");
  ASSERT_TRUE(store().checkpoints().create(take("route/old"), "old", Position{2}));
  ASSERT_TRUE(store().checkpoints().create(lease, "new", Position{3}));
  ASSERT_TRUE(
      store().gaps().record({.route = "old", .reason = "store.removed", .from = Position{1}, .to = Position{2}}));
  ASSERT_TRUE(store().checkpoints().rename(lease, "old", "new"));
  EXPECT_EQ(position_of(store(), "new"), Position{3});
  EXPECT_EQ(position_of(store(), "old"), Position{2});
  EXPECT_TRUE(*store().gaps().find_open("old"));
}

TEST_P(CheckpointContract, RenamesNothingWhereThereIsNothing) {
  EXPECT_EQ(code_of(store().checkpoints().rename(take("route/new"), "old", "new")), "ok");
  EXPECT_FALSE(*store().checkpoints().load("new"));
}

}  // namespace
}  // namespace penstock::tests
