#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::AnyVersion;
using store::Direction;
using store::ExpectedVersion;
using store::NoStream;
using store::Removal;
using store::StreamExists;
using store::StreamState;

using Rows = std::vector<std::pair<ExpectedVersion, std::string>>;

const char* const kOk = "ok";
const char* const kWrong = "store.wrong_expected_version";
const char* const kDeleted = "store.stream_deleted";

class RetentionCase {
 public:
  explicit RetentionCase(store::Store& store) : store_(store) {}

  std::string remove(std::string_view stream, Removal removal = Removal::kDelete,
                     const ExpectedVersion& expected = AnyVersion{}) {
    return code_of(store_.retention().remove(stream, removal, expected));
  }
  std::string truncate(std::string_view stream, std::int64_t before) {
    return code_of(store_.retention().truncate(stream, Version{before}));
  }
  std::string limit(std::string_view stream, store::StreamLimits limits) {
    return code_of(store_.retention().set_limits(stream, limits));
  }
  // How many events became stubs.
  std::uint64_t scavenge() {
    const auto done = store_.retention().scavenge(1'000'000);
    EXPECT_TRUE(done) << done.error().describe();
    if (!done) return 0;
    EXPECT_EQ(done->left, store::Scavenged::Left::kNothing);
    return done->events;
  }

 private:
  store::Store& store_;
};

TEST_P(RetentionContract, ReadsNothingOfADeletedStreamAndSaysSo) {
  fill("order-1", 3);
  EXPECT_EQ(RetentionCase(store()).remove("order-1"), kOk);
  for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
    const auto page = store().events().read_stream("order-1", std::nullopt, direction, {});
    ASSERT_TRUE(page) << page.error().describe();
    EXPECT_TRUE(page->events->empty());
    EXPECT_EQ(page->state, StreamState::kDeleted);
    EXPECT_EQ(page->last_version, Version{2});
    EXPECT_FALSE(page->next);
  }
}

TEST_P(RetentionContract, TellsATombstonedStreamFromADeletedAndAnUnknownOne) {
  fill("order-1", 1);
  fill("order-2", 1);
  RetentionCase retention(store());
  EXPECT_EQ(retention.remove("order-1", Removal::kTombstone), kOk);
  EXPECT_EQ(store().events().read_stream("order-1", std::nullopt, Direction::kForward, {})->state,
            StreamState::kTombstoned);
  EXPECT_EQ(store().events().read_stream("order-2", std::nullopt, Direction::kForward, {})->state, StreamState::kLive);
  EXPECT_FALSE(store().events().read_stream("order-3", std::nullopt, Direction::kForward, {})->last_version);
  EXPECT_EQ(store().retention().find("order-3").value(), std::nullopt);
}

TEST_P(RetentionContract, LeavesTheLogAsItIsUntilItIsScavenged) {
  fill("order-1", 2);
  fill("order-2", 1);
  RetentionCase(store()).remove("order-1");
  EXPECT_EQ(positions_of(read_log()), numbers(1, 3));
}

TEST_P(RetentionContract, FollowsTheTruthTableForADeletedStream) {
  const Rows rows = {{AnyVersion{}, kOk}, {NoStream{}, kOk},    {StreamExists{}, kDeleted},
                     {Version{2}, kOk},   {Version{1}, kWrong}, {Version{3}, kWrong}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string stream = "order-" + std::to_string(i);
    fill(stream, 3);
    ASSERT_EQ(RetentionCase(store()).remove(stream), kOk);
    const auto answer = append(request({event({.stream = stream})}, rows[i].first));
    EXPECT_EQ(code_of(answer), rows[i].second) << to_string(rows[i].first);
    if (!answer) continue;
    EXPECT_EQ(answer->first_version, Version{3});
    EXPECT_EQ(versions_of(read_whole_stream(stream)), numbers(3, 3));
  }
}

TEST_P(RetentionContract, TakesNothingIntoATombstonedStream) {
  const Rows rows = {{AnyVersion{}, kDeleted},
                     {NoStream{}, kDeleted},
                     {StreamExists{}, kDeleted},
                     {Version{2}, kDeleted},
                     {Version{1}, kDeleted}};
  fill("order-1", 3);
  ASSERT_EQ(RetentionCase(store()).remove("order-1", Removal::kTombstone), kOk);
  for (const auto& [expected, code] : rows)
    EXPECT_EQ(code_of(append(request({event({.stream = "order-1"})}, expected))), code) << to_string(expected);
  EXPECT_EQ(store().log().head(), Position{3});
}

TEST_P(RetentionContract, AnswersARetryAfterDeletionButNotAfterATombstone) {
  const auto first = append(lettered("order-1", "ab", NoStream{}));
  ASSERT_TRUE(first);
  RetentionCase retention(store());
  retention.remove("order-1");
  const auto retried = append(lettered("order-1", "ab", NoStream{}));
  ASSERT_TRUE(retried) << retried.error().describe();
  EXPECT_EQ(retried->first_position, first->first_position);
  const auto again = append(lettered("order-1", "c", NoStream{}));
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(append(lettered("order-1", "c", NoStream{}))->origin, store::AppendReceipt::Origin::kKnown);
  retention.remove("order-1", Removal::kTombstone);
  EXPECT_EQ(code_of(append(lettered("order-1", "ab", NoStream{}))), kDeleted);
}

TEST_P(RetentionContract, RemovesOnlyWhatIsAsExpected) {
  RetentionCase retention(store());
  EXPECT_EQ(retention.remove("order-1"), "store.no_such_stream");
  fill("order-1", 3);
  EXPECT_EQ(retention.remove("order-1", Removal::kDelete, Version{1}), kWrong);
  EXPECT_EQ(retention.remove("order-1", Removal::kDelete, NoStream{}), kWrong);
  EXPECT_EQ(read_whole_stream("order-1").size(), 3u);
  EXPECT_EQ(retention.remove("order-1", Removal::kDelete, Version{2}), kOk);
  EXPECT_EQ(retention.remove("order-1", Removal::kDelete), kOk);
  EXPECT_EQ(retention.remove("order-1", Removal::kDelete, StreamExists{}), kDeleted);
  EXPECT_EQ(retention.remove("order-1", Removal::kTombstone), kOk);
  EXPECT_EQ(retention.remove("order-1", Removal::kTombstone), kOk);
  EXPECT_EQ(retention.remove("order-1", Removal::kDelete), kDeleted);
}

TEST_P(RetentionContract, ReadsNoVersionBeforeTheTruncation) {
  fill("order-1", 6);
  RetentionCase retention(store());
  EXPECT_EQ(retention.truncate("order-1", 4), kOk);
  EXPECT_EQ(retention.truncate("order-1", 2), kOk);  // never back
  EXPECT_EQ(versions_of(read_whole_stream("order-1")), numbers(4, 5));
  EXPECT_EQ(versions_of(read_whole_stream("order-1", Direction::kBackward, {.events = 1})), numbers(5, 4));
  EXPECT_EQ(retention.truncate("order-1", 7), "store.invalid_request");
  EXPECT_EQ(retention.truncate("order-2", 0), "store.no_such_stream");
}

TEST_P(RetentionContract, ReadsOnlyTheLastEventsUnderALimitOfTheCount) {
  fill("order-1", 5);
  RetentionCase retention(store());
  EXPECT_EQ(retention.limit("order-1", {.max_count = 2}), kOk);
  EXPECT_EQ(versions_of(read_whole_stream("order-1")), numbers(3, 4));
  fill("order-1", 1);
  EXPECT_EQ(versions_of(read_whole_stream("order-1")), numbers(4, 5));
  EXPECT_EQ(retention.limit("order-1", {.max_count = 3}), kOk);
  EXPECT_EQ(versions_of(read_whole_stream("order-1", Direction::kBackward)), numbers(5, 3));
  EXPECT_EQ(retention.limit("order-1", {.max_count = 0}), "store.invalid_request");
  EXPECT_EQ(retention.limit("order-1", {}), kOk);
  EXPECT_EQ(versions_of(read_whole_stream("order-1")), numbers(0, 5));
}

TEST_P(RetentionContract, ReadsOnlyYoungEventsUnderALimitOfTheAge) {
  fill("order-1", 3);
  RetentionCase retention(store());
  EXPECT_EQ(retention.limit("order-1", {.max_age = std::chrono::hours(1)}), kOk);
  EXPECT_EQ(versions_of(read_whole_stream("order-1")), numbers(0, 2));
  EXPECT_EQ(retention.scavenge(), 0u);
  EXPECT_EQ(retention.limit("order-1", {.max_age = std::chrono::microseconds(-1)}), "store.invalid_request");
}

TEST_P(RetentionContract, ReadsAndKeepsNothingThatIsTooOld) {
  fill("order-1", 3);
  RetentionCase retention(store());
  EXPECT_EQ(retention.limit("order-1", {.max_age = std::chrono::microseconds(1)}), kOk);
  backend().age(std::chrono::seconds(1));
  EXPECT_TRUE(read_whole_stream("order-1").empty());
  EXPECT_TRUE(read_whole_stream("order-1", Direction::kBackward).empty());
  EXPECT_EQ(retention.scavenge(), 3u);
  EXPECT_TRUE(read_log().empty());
}

TEST_P(RetentionContract, ObeysTheNarrowerOfBothLimits) {
  fill("order-1", 4);
  RetentionCase retention(store());
  EXPECT_EQ(retention.limit("order-1", {.max_count = 2, .max_age = std::chrono::hours(1)}), kOk);
  EXPECT_EQ(versions_of(read_whole_stream("order-1")), numbers(2, 3));
  EXPECT_EQ(retention.limit("order-1", {.max_count = 2, .max_age = std::chrono::microseconds(1)}), kOk);
  backend().age(std::chrono::seconds(1));
  EXPECT_TRUE(read_whole_stream("order-1").empty());
}

TEST_P(RetentionContract, FindsWhatWasSet) {
  fill("order-1", 4);
  RetentionCase retention(store());
  const store::StreamLimits limits{.max_count = 3, .max_age = std::chrono::hours(2)};
  retention.limit("order-1", limits);
  retention.truncate("order-1", 2);
  const auto found = store().retention().find("order-1");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->limits, limits);
  EXPECT_EQ((*found)->truncate_before, Version{2});
  EXPECT_EQ((*found)->last_version, Version{3});
}

TEST_P(RetentionContract, PassesOverStubsAndKeepsEveryPosition) {
  fill("order-1", 3);
  fill("user-1", 2);
  fill("order-1", 2);
  fill("order-2", 1);
  RetentionCase retention(store());
  retention.truncate("order-1", 4);
  EXPECT_EQ(retention.scavenge(), 4u);
  EXPECT_EQ(retention.scavenge(), 0u);
  EXPECT_EQ(positions_of(read_log()), (std::vector<std::int64_t>{4, 5, 7, 8}));
  EXPECT_EQ(positions_of(read_log(Position{0}, {.events = 1})), (std::vector<std::int64_t>{4, 5, 7, 8}));
  EXPECT_EQ(positions_of(read_log(Position{0}, {.events = 2}, {.categories = {"order"}})),
            (std::vector<std::int64_t>{7, 8}));
  EXPECT_EQ(store().log().head(), Position{8});
  EXPECT_EQ(append(request({event({.stream = "order-1"})}))->first_position, Position{9});
  EXPECT_EQ(versions_of(read_whole_stream("order-1")), numbers(4, 5));
}

TEST_P(RetentionContract, SaysHowManyPositionsOfAPageHoldStubs) {
  fill("order-1", 4);
  fill("user-1", 1);
  fill("order-1", 2);
  RetentionCase retention(store());
  retention.remove("order-1");
  retention.scavenge();
  std::uint64_t events = 0, removed = 0;
  Position at{0};
  while (at < Position{7}) {
    const auto page = store().log().read_after(at, {.events = 2}, {});
    ASSERT_TRUE(page) << page.error().describe();
    ASSERT_GT(page->reached, at);
    EXPECT_EQ(page->reached.value - at.value, static_cast<std::int64_t>(page->events->size() + page->removed));
    at = page->reached;
    events += page->events->size();
    removed += page->removed;
  }
  EXPECT_EQ(events, 1u);
  EXPECT_EQ(removed, 6u);
}

TEST_P(RetentionContract, CountsNoStubs) {
  fill("order-1", 3, "placed");
  fill("order-2", 1, "placed");
  ASSERT_TRUE(store().events().kinds());
  fill("order-1", 2, "paid");
  RetentionCase retention(store());
  retention.truncate("order-1", 4);
  retention.scavenge();
  EXPECT_EQ(store().events().counts()->events, 2u);
  EXPECT_EQ(store().events().kinds(), (std::vector<store::KindCount>{{"order", "paid", 1}, {"order", "placed", 1}}));
}

TEST_P(RetentionContract, KnowsIdsOfScavengedEvents) {
  const auto first = append(lettered("order-1", "ab", NoStream{}));
  ASSERT_TRUE(first);
  RetentionCase retention(store());
  retention.truncate("order-1", 2);
  EXPECT_EQ(retention.scavenge(), 2u);
  EXPECT_TRUE((*store().events().find(id_of('a')))->empty());
  EXPECT_EQ(*store().events().find_in("order-1", id_of('a')), nullptr);
  for (const store::KnownId known : {store::KnownId::kIdsDecide, store::KnownId::kBytesMustMatch}) {
    auto retry = lettered("order-1", "ab");
    retry.known_id = known;
    const auto answer = append(std::move(retry));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->first_position, first->first_position);
  }
}

TEST_P(RetentionContract, FindsTimesAndTagsAmongWhatIsLeft) {
  ASSERT_TRUE(append(request({event({.stream = "order-1", .metadata = R"({"tags":["a"]})"})})));
  ASSERT_TRUE(append(request({event({.stream = "order-2", .metadata = R"({"tags":["a"]})"})})));
  ASSERT_TRUE(append(request({event({.stream = "order-3", .metadata = R"({"tags":["b"]})"})})));
  RetentionCase retention(store());
  retention.remove("order-1");
  retention.remove("order-3");
  EXPECT_EQ(retention.scavenge(), 2u);
  EXPECT_EQ(store().log().first_since(Timestamp{}).value(), Position{2});
  EXPECT_EQ(store().log().last_before(Timestamp(std::chrono::hours(24 * 365 * 100))).value(), Position{2});
  EXPECT_EQ(positions_of(read_log(Position{0}, {}, {.tags = {"a"}})), numbers(2, 2));
  EXPECT_TRUE(read_log(Position{0}, {}, {.tags = {"b"}}).empty());
}

TEST_P(RetentionContract, ScavengesALongStreamInSteps) {
  fill("order-1", 1'200);
  RetentionCase retention(store());
  retention.remove("order-1");
  const auto first = store().retention().scavenge(100);
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(first->left, store::Scavenged::Left::kMore);
  EXPECT_EQ(first->events + retention.scavenge(), 1'200u);
  EXPECT_EQ(store().events().counts()->events, 0u);
}

TEST_P(RetentionContract, LeavesAStoreThatIsProvedSound) {
  for (int i = 0; i < 5; ++i) {
    fill("order-" + std::to_string(i), 4);
    ASSERT_TRUE(append(request({event({.stream = "user-1", .metadata = R"({"tags":["a","b"]})"})})));
  }
  ASSERT_TRUE(store().events().kinds());
  RetentionCase retention(store());
  retention.truncate("order-1", 2);
  retention.remove("order-2");
  retention.limit("user-1", {.max_count = 1});
  EXPECT_EQ(retention.scavenge(), 10u);
  const Lease lease = take("route/out");
  ASSERT_TRUE(store().checkpoints().create(lease, "out", Position{7}));
  const auto checks = store().check_integrity();
  ASSERT_TRUE(checks) << checks.error().describe();
  EXPECT_FALSE(checks->empty());
  for (const store::IntegrityCheck& check : *checks)
    EXPECT_EQ(check.verdict, store::IntegrityCheck::Verdict::kProved) << check.subject << ": " << check.words;
}

}  // namespace
}  // namespace penstock::tests
