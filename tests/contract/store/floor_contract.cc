#include "store/dropping.h"
#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::Direction;

store::LogFilter of_category(std::string category) {
  store::LogFilter filter;
  filter.categories.push_back(std::move(category));
  return filter;
}

std::string raise(store::Store& store, std::int64_t floor, std::vector<std::string> past = {}) {
  return code_of(store.retention().raise_floor(Position{floor}, past));
}

Result<store::DropSummary> drop(store::Store& store, std::int64_t floor, std::vector<std::string> past = {}) {
  return store::drop(store, {Position{floor}, std::move(past)}, [](std::uint64_t) {});
}

std::string read_after(store::Store& store, std::int64_t after, const store::LogFilter& filter = {}) {
  return code_of(store.log().read_after(Position{after}, {}, filter));
}

std::string read_before(store::Store& store, std::int64_t before, const store::LogFilter& filter = {}) {
  return code_of(store.log().read_before(Position{before}, {}, filter));
}

void expect_sound(store::Store& store) {
  const auto checks = store.check_integrity();
  ASSERT_TRUE(checks) << checks.error().describe();
  for (const store::IntegrityCheck& check : *checks)
    EXPECT_EQ(check.verdict, store::IntegrityCheck::Verdict::kProved) << check.subject << ": " << check.words;
}

TEST_P(FloorContract, HasNoFloorAtFirst) {
  fill("order-1", 2);
  EXPECT_EQ(store().log().floor(), Position{0});
  EXPECT_TRUE(store().retention().dropped()->is_whole());
  EXPECT_EQ(read_after(store(), 0), "ok");
  EXPECT_EQ(read_before(store(), 1), "ok");
}

TEST_P(FloorContract, ReadsTheLogBehindItAndAnswersRemovedBelow) {
  fill("order-1", 10);
  ASSERT_TRUE(drop(store(), 6));
  EXPECT_EQ(store().log().floor(), Position{6});
  EXPECT_EQ(positions_of(read_log(Position{6})), numbers(7, 10));
  for (const store::LogFilter& filter : {store::LogFilter{}, of_category("order"), of_category("other")}) {
    EXPECT_EQ(read_after(store(), 0, filter), "store.removed");
    EXPECT_EQ(read_after(store(), 5, filter), "store.removed");
    EXPECT_EQ(read_after(store(), 6, filter), "ok");
    EXPECT_EQ(read_before(store(), 6, filter), "store.removed");
    const auto begin = store().log().read_before(Position{7}, {}, filter);
    ASSERT_TRUE(begin) << begin.error().describe();
    EXPECT_EQ(begin->reached, Position{7});
  }
  const auto backwards = store().log().read_before(Position{11}, {}, {});
  EXPECT_EQ(positions_of(refs_of(backwards->events)), numbers(10, 7));
}

TEST_P(FloorContract, NamesTheFirstPositionThatIsLeft) {
  fill("order-1", 3);
  ASSERT_TRUE(drop(store(), 2));
  const auto page = store().log().read_after(Position{0}, {}, {});
  ASSERT_FALSE(page);
  EXPECT_NE(page.error().message().find("begins at position 3"), std::string::npos) << page.error().message();
}

TEST_P(FloorContract, DropsAllThatThereIsAndGoesOn) {
  fill("order-1", 3);
  ASSERT_TRUE(drop(store(), 3));
  EXPECT_EQ(read_after(store(), 2), "store.removed");
  EXPECT_EQ(store().log().read_after(Position{3}, {}, {})->reached, Position{3});
  const auto receipt = append(request({event({.stream = "order-1"})}, Version{2}));
  ASSERT_TRUE(receipt) << receipt.error().describe();
  EXPECT_EQ(receipt->first_position, Position{4});
  EXPECT_EQ(receipt->first_version, Version{3});
  EXPECT_EQ(positions_of(read_log(Position{3})), numbers(4, 4));
  expect_sound(store());
}

TEST_P(FloorContract, BeginsStreamsAtTheFirstVersionThatIsLeft) {
  fill("order-1", 4);
  fill("order-2", 2);
  ASSERT_TRUE(drop(store(), 2));
  EXPECT_EQ(versions_of(read_whole_stream("order-1")), numbers(2, 3));
  EXPECT_EQ(versions_of(read_whole_stream("order-1", Direction::kBackward, {.events = 1})), numbers(3, 2));
  EXPECT_EQ(versions_of(read_whole_stream("order-2")), numbers(0, 1));
  const auto gone = store().events().read_stream("order-1", Version{0}, Direction::kForward, {.events = 1});
  EXPECT_EQ(gone->last_version, Version{3});
}

TEST_P(FloorContract, ForgetsIdsThatWent) {
  ASSERT_TRUE(append(lettered("order-1", "abc")));
  ASSERT_TRUE(drop(store(), 2));
  EXPECT_TRUE((*store().events().find(id_of('a')))->empty());
  EXPECT_EQ(*store().events().find_in("order-1", id_of('b')), nullptr);
  EXPECT_EQ(append(lettered("order-1", "c"))->origin, store::AppendReceipt::Origin::kKnown);
  const auto again = append(lettered("order-1", "a"));
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(again->origin, store::AppendReceipt::Origin::kWritten);
  EXPECT_EQ(again->first_version, Version{3});
}

TEST_P(FloorContract, CountsWhatIsLeft) {
  fill("order-1", 5);
  fill("user-1", 3, "joined");
  ASSERT_TRUE(store().events().kinds());
  ASSERT_TRUE(drop(store(), 6));
  EXPECT_EQ(store().events().counts()->events, 2u);
  EXPECT_EQ(store().events().counts()->streams, 2u);
  EXPECT_EQ(*store().events().kinds(), (std::vector<store::KindCount>{{"user", "joined", 2}}));
}

TEST_P(FloorContract, FindsTimesBehindIt) {
  fill("order-1", 5);
  ASSERT_TRUE(drop(store(), 3));
  EXPECT_EQ(store().log().first_since(Timestamp{}).value(), Position{4});
  EXPECT_EQ(store().log().last_before(Timestamp{}).value(), std::nullopt);
  EXPECT_EQ(store().log().last_before(Timestamp(std::chrono::hours(24 * 365 * 100))).value(), Position{5});
}

TEST_P(FloorContract, GoesNeitherBackNorBeyondTheHead) {
  fill("order-1", 5);
  EXPECT_EQ(raise(store(), 6), "store.invalid_request");
  EXPECT_EQ(raise(store(), 4), "ok");
  EXPECT_EQ(raise(store(), 2), "ok");
  EXPECT_EQ(store().log().floor(), Position{4});
}

TEST_P(FloorContract, StopsAtTheCheckpointOfARoute) {
  fill("order-1", 6);
  ASSERT_TRUE(store().checkpoints().create(take("route/out"), "out", Position{4}));
  EXPECT_EQ(raise(store(), 4), "ok");
  const auto refused = store().retention().raise_floor(Position{5}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().name, codes::kStoreStillNeeded.name);
  EXPECT_NE(refused.error().message().find("route out has its checkpoint at position 4"), std::string::npos);
  EXPECT_EQ(raise(store(), 5, {"other"}), "store.still_needed");
  EXPECT_EQ(store().log().floor(), Position{4});
}

TEST_P(FloorContract, PutsOnRecordWhatARouteLoses) {
  ASSERT_TRUE(append(lettered("order-1", "abcd")));
  ASSERT_TRUE(store().checkpoints().create(take("route/out"), "out", Position{1}));
  EXPECT_EQ(code_of(drop(store(), 3)), "store.still_needed");
  EXPECT_TRUE(store().gaps().list(0, 10)->empty());
  const auto dropped = drop(store(), 3, {"out"});
  ASSERT_TRUE(dropped) << dropped.error().describe();
  EXPECT_EQ(dropped->events, 3u);
  const auto gaps = store().gaps().list(0, 10);
  ASSERT_EQ(gaps->size(), 1u);
  EXPECT_EQ(gaps->front().route, "out");
  EXPECT_EQ(gaps->front().reason, "store.removed");
  EXPECT_EQ(gaps->front().from, Position{2});
  EXPECT_EQ(gaps->front().to, Position{3});
  EXPECT_EQ(gaps->front().events, (std::vector<EventId>{id_of('b'), id_of('c')}));
  EXPECT_EQ(dropped->gaps, std::vector<std::int64_t>{gaps->front().number});
  EXPECT_EQ(drop(store(), 3, {"out"})->gaps, dropped->gaps);
}

TEST_P(FloorContract, KeepsACheckpointAtTheFloor) {
  ASSERT_TRUE(append(lettered("order-1", "abcd")));
  ASSERT_TRUE(drop(store(), 2));
  const Lease lease = take("route/out");
  const auto made = store().checkpoints().create(lease, "out", Position{2});
  ASSERT_TRUE(made) << made.error().describe();
  EXPECT_EQ(made->event_id, id_of('b'));
  EXPECT_EQ(store().log().event_id_at(Position{2}).value(), id_of('b'));
  EXPECT_EQ(store().log().event_id_at(Position{1}).value(), std::nullopt);
  EXPECT_TRUE(store().checkpoints().advance(lease, "out", Position{2}, Position{3}));
  expect_sound(store());
}

TEST_P(FloorContract, MovesNoCheckpointToWhatIsGone) {
  ASSERT_TRUE(append(lettered("order-1", "abcd")));
  const Lease lease = take("route/out");
  ASSERT_TRUE(store().checkpoints().create(lease, "out", Position{0}));
  ASSERT_TRUE(drop(store(), 3, {"out"}));
  EXPECT_EQ(code_of(store().checkpoints().advance(lease, "out", Position{0}, {Position{2}, id_of('b')})),
            "store.removed");
  EXPECT_EQ(code_of(store().checkpoints().create(take("route/new"), "new", Position{1})), "store.removed");
  EXPECT_EQ(code_of(store().checkpoints().advance(lease, "out", Position{0}, {Position{3}, id_of('c')})), "ok");
}

TEST_P(FloorContract, FinishesADropThatWasCutOff) {
  for (int part = 0; part < 4; ++part) {
    std::vector<EventRef> events;
    for (int i = 0; i < 575; ++i) events.push_back(event({.stream = "order-" + std::to_string(i % 7)}));
    ASSERT_TRUE(append(request(std::move(events))));
  }
  ASSERT_EQ(raise(store(), 2'250), "ok");  // and then a crash
  reopen();
  EXPECT_EQ(read_after(store(), 100), "store.removed");
  EXPECT_FALSE(store().retention().dropped()->is_whole());
  const auto first = store().retention().drop(1'000);
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(first->left, store::Scavenged::Left::kMore);
  reopen();
  const auto rest = drop(store(), 1);
  ASSERT_TRUE(rest) << rest.error().describe();
  EXPECT_EQ(first->events + rest->events, 2'250u);
  EXPECT_TRUE(store().retention().dropped()->is_whole());
  EXPECT_EQ(positions_of(read_log(Position{2'250})), numbers(2'251, 2'300));
  expect_sound(store());
}

TEST_P(FloorContract, LeavesAStoreThatIsProvedSound) {
  for (int i = 0; i < 5; ++i) {
    fill("order-" + std::to_string(i), 4);
    ASSERT_TRUE(append(request({event({.stream = "user-1", .metadata = R"({"tags":["a","b"]})"})})));
  }
  ASSERT_TRUE(append(request({event({.stream = "user-2", .metadata = R"({"x":"\u0000","tags":["c"]})"})})));
  ASSERT_TRUE(store().events().kinds());
  ASSERT_TRUE(store().retention().truncate("order-1", Version{2}));
  ASSERT_TRUE(store().retention().remove("order-0", store::Removal::kDelete, store::AnyVersion{}));
  ASSERT_TRUE(store().retention().scavenge(1'000));
  ASSERT_TRUE(drop(store(), 8));
  expect_sound(store());
  // Streams that lost early versions are scavenged from the first that is left.
  ASSERT_TRUE(store().retention().truncate("order-1", Version{4}));
  ASSERT_TRUE(store().retention().set_limits("user-1", {.max_count = 1}));
  EXPECT_EQ(store().retention().scavenge(1'000)->events, 1u + 3u);
  fill("order-0", 2);
  EXPECT_EQ(versions_of(read_whole_stream("order-0")), numbers(4, 5));
  ASSERT_TRUE(drop(store(), store().log().head()->value));
  expect_sound(store());
  EXPECT_TRUE(read_log(*store().log().head(), {}, {.tags = {"a"}}).empty());
  EXPECT_EQ(store().events().counts()->events, 0u);
}

TEST_P(FloorContract, PlansWithoutChangingAnything) {
  fill("order-1", 6);
  ASSERT_TRUE(store().checkpoints().create(take("route/out"), "out", Position{2}));
  const auto plan = store::plan_drop(store(), Position{4});
  ASSERT_TRUE(plan) << plan.error().describe();
  EXPECT_EQ(plan->first, Position{1});
  EXPECT_EQ(plan->last, Position{4});
  ASSERT_EQ(plan->behind.size(), 1u);
  EXPECT_EQ(plan->behind.front(), (std::pair<std::string, Position>{"out", Position{2}}));
  EXPECT_EQ(store().log().floor(), Position{0});
  EXPECT_FALSE(store::plan_drop(store(), Position{7})) << "nothing there, as the drop itself says";
}

}  // namespace
}  // namespace penstock::tests
