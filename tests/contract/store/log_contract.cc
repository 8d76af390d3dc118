#include <future>
#include <set>
#include <thread>

#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::LogFilter;

std::vector<EventRef> backwards_of(store::Store& store, Position before, store::ReadLimit limit,
                                   const LogFilter& filter = {}) {
  std::vector<EventRef> all;
  for (;;) {
    const auto page = store.log().read_before(before, limit, filter);
    EXPECT_TRUE(page) << page.error().describe();
    if (!page || page->reached == before) return all;
    for (EventRef& read : refs_of(page->events)) all.push_back(std::move(read));
    before = page->reached;
  }
}

TEST_P(LogContract, IsEmptyAtFirst) {
  EXPECT_EQ(store().log().head(), Position{0});
  const auto page = store().log().read_after(Position{0}, {}, {});
  ASSERT_TRUE(page) << page.error().describe();
  EXPECT_TRUE(page->events->empty());
  EXPECT_EQ(page->reached, Position{0});
}

TEST_P(LogContract, NamesTheLastPositionAsHead) {
  fill("order-1", 3);
  EXPECT_EQ(store().log().head(), Position{3});
}

TEST_P(LogContract, ReadsAfterAPositionPageByPage) {
  fill("order-1", 4);
  fill("other-1", 6);
  EXPECT_EQ(positions_of(read_log(Position{0}, {.events = 3})), numbers(1, 10));
  EXPECT_EQ(positions_of(read_log(Position{7}, {.events = 3})), numbers(8, 10));
}

TEST_P(LogContract, SaysHowFarAPageReached) {
  fill("order-1", 5);
  const auto page = store().log().read_after(Position{1}, {.events = 2}, {});
  ASSERT_TRUE(page) << page.error().describe();
  EXPECT_EQ(positions_of(refs_of(page->events)), numbers(2, 3));
  EXPECT_EQ(page->reached, Position{3});
}

TEST_P(LogContract, StaysWhereItIsAtTheHead) {
  fill("order-1", 3);
  for (const std::int64_t at : {3, 4, 1'000}) {
    const auto page = store().log().read_after(Position{at}, {}, {});
    ASSERT_TRUE(page) << page.error().describe();
    EXPECT_TRUE(page->events->empty());
    EXPECT_EQ(page->reached, Position{at});
  }
}

TEST_P(LogContract, GoesOnAfterNewEvents) {
  fill("order-1", 3);
  const auto read = read_log();
  fill("order-1", 2);
  EXPECT_EQ(positions_of(read_log(*read.back()->position)), numbers(4, 5));
}

TEST_P(LogContract, BoundsAPageInBytesButGivesAnySingleEvent) {
  const std::string big(10'000, 'x');
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(append(request({event({.stream = "order-1", .data = big})})));
  EXPECT_EQ(store().log().read_after(Position{0}, {.bytes = 25'000}, {})->reached, Position{2});
  EXPECT_EQ(store().log().read_after(Position{0}, {.bytes = 1}, {})->reached, Position{1});
  EXPECT_EQ(read_log(Position{0}, {.bytes = 1}).size(), 3u);
}

TEST_P(LogContract, RefusesAPageOfNoEvents) {
  EXPECT_EQ(code_of(store().log().read_after(Position{0}, {.events = 0}, {})), "store.invalid_request");
  EXPECT_EQ(code_of(store().log().read_before(Position{9}, {.events = 0}, {})), "store.invalid_request");
}

TEST_P(LogContract, FiltersByCategory) {
  for (int i = 0; i < 4; ++i) {
    fill("order-1", 1);
    fill("invoice-1", 1);
    fill("user-1", 1);
  }
  EXPECT_EQ(positions_of(read_log(Position{0}, {.events = 3}, {.categories = {"invoice"}})),
            (std::vector<std::int64_t>{2, 5, 8, 11}));
  EXPECT_EQ(positions_of(read_log(Position{2}, {.events = 3}, {.categories = {"user", "order"}})),
            (std::vector<std::int64_t>{3, 4, 6, 7, 9, 10, 12}));
}

TEST_P(LogContract, FiltersByType) {
  for (int i = 0; i < 3; ++i) {
    fill("order-1", 1, "placed");
    fill("order-1", 1, "paid");
  }
  EXPECT_EQ(positions_of(read_log(Position{0}, {.events = 2}, {.types = {"paid"}})),
            (std::vector<std::int64_t>{2, 4, 6}));
}

TEST_P(LogContract, FiltersByCategoryAndType) {
  fill("order-1", 2, "placed");
  fill("user-1", 2, "placed");
  fill("order-1", 2, "paid");
  const LogFilter filter{.categories = {"order"}, .types = {"paid", "shipped"}};
  EXPECT_EQ(positions_of(read_log(Position{0}, {}, filter)), numbers(5, 6));
}

TEST_P(LogContract, FiltersByThePrefixOfTheStream) {
  for (const char* stream : {"order-1", "order-12", "orders", "order", "other-1", "order-\u00e4"}) fill(stream, 1);
  EXPECT_EQ(positions_of(read_log(Position{0}, {.events = 2}, {.stream_prefix = "order-"})),
            (std::vector<std::int64_t>{1, 2, 6}));
  EXPECT_EQ(positions_of(read_log(Position{0}, {}, {.categories = {"order"}, .stream_prefix = "order-1"})),
            (std::vector<std::int64_t>{1, 2}));
}

TEST_P(LogContract, FiltersByTags) {
  for (const char* metadata : {R"({"tags":["a","b"]})", R"({"tags":["b"]})", R"({})", R"({"tags":["c","a"]})",
                               R"({"tags":"a"})", R"({"tags":["b","a","c"]})"})
    ASSERT_TRUE(append(request({event({.stream = "order-1", .metadata = metadata})})));
  const auto positions = [&](LogFilter filter) { return positions_of(read_log(Position{0}, {.events = 2}, filter)); };
  EXPECT_EQ(positions({.tags = {"a"}}), (std::vector<std::int64_t>{1, 4, 6}));
  EXPECT_EQ(positions({.tags = {"a", "b"}}), (std::vector<std::int64_t>{1, 6}));
  EXPECT_EQ(positions({.tags = {"d"}}), (std::vector<std::int64_t>{}));
  EXPECT_EQ(positions({.types = {"paid"}, .tags = {"a"}}), (std::vector<std::int64_t>{}));
  EXPECT_EQ(positions_of(backwards_of(store(), Position{6}, {.events = 1}, {.tags = {"a"}})),
            (std::vector<std::int64_t>{4, 1}));
  EXPECT_EQ(store().log().read_after(Position{1}, {}, {.tags = {"d"}})->reached, Position{6});
}

TEST_P(LogContract, FiltersMetadataThatHoldsAnEscapedNul) {
  ASSERT_TRUE(append(request({event({.stream = "order-1", .metadata = R"({"tenant":"a","odd":"\u0000"})"})})));
  ASSERT_TRUE(append(request({event({.stream = "order-1", .metadata = R"({"tenant":"b","odd":"\u0000"})"})})));
  EXPECT_EQ(positions_of(read_log(Position{0}, {.events = 1}, {.metadata = {{"tenant", "a"}}})), numbers(1, 1));
  EXPECT_EQ(positions_of(read_log(Position{0}, {.events = 1}, {.metadata = {{"tenant", "b"}}})), numbers(2, 2));
}

TEST_P(LogContract, FiltersByMembersOfTheMetadata) {
  for (const char* metadata :
       {R"({"tenant":"a","retry":1})", R"({"tenant":"b"})", R"({})", R"({"tenant":"a","retry":1.0})",
        R"({"tenant":null})", R"({"deep":{"tenant":"a"}})", R"({"tenant":"\u0061","retry":true})"})
    ASSERT_TRUE(append(request({event({.stream = "order-1", .metadata = metadata})})));
  const auto positions = [&](std::vector<store::MetadataMember> members) {
    return positions_of(read_log(Position{0}, {.events = 2}, {.metadata = std::move(members)}));
  };
  EXPECT_EQ(positions({{"tenant", "a"}}), (std::vector<std::int64_t>{1, 4, 7}));
  EXPECT_EQ(positions({{"tenant", "a"}, {"retry", "1"}}), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(positions({{"retry", "1.0"}}), (std::vector<std::int64_t>{4}));
  EXPECT_EQ(positions({{"retry", "true"}}), (std::vector<std::int64_t>{7}));
  EXPECT_EQ(positions({{"tenant", "null"}}), (std::vector<std::int64_t>{}));
  EXPECT_EQ(positions({{"absent", ""}}), (std::vector<std::int64_t>{}));
}

TEST_P(LogContract, ReachesTheHeadOverEventsWhoseMetadataAreOthers) {
  fill("order-1", 20);
  const LogFilter filter{.metadata = {{"tenant", "a"}}};
  const auto page = store().log().read_after(Position{3}, {.events = 2}, filter);
  ASSERT_TRUE(page) << page.error().describe();
  EXPECT_TRUE(page->events->empty());
  EXPECT_EQ(page->reached, Position{20});
  EXPECT_EQ(store().log().read_before(Position{18}, {.events = 2}, filter)->reached, Position{1});
}

TEST_P(LogContract, TakesEachWordOfAFilterOnce) {
  fill("order-1", 2);
  EXPECT_EQ(positions_of(read_log(Position{0}, {}, {.categories = {"order", "order"}})), numbers(1, 2));
}

TEST_P(LogContract, ReachesTheHeadOverEventsThatTheFilterDrops) {
  fill("order-1", 1);
  fill("user-1", 50);
  EXPECT_TRUE(read_log(Position{1}, {.events = 5}, {.categories = {"order"}}).empty());
  Position at{0};
  for (int pages = 0; at < Position{51} && pages < 100; ++pages)
    at = store().log().read_after(at, {.events = 5}, {.categories = {"order"}})->reached;
  EXPECT_EQ(at, Position{51});
}

TEST_P(LogContract, NeverReachesOverAnEventThatItHasNoRoomFor) {
  fill("order-1", 1);
  fill("user-1", 3);
  fill("order-1", 2);
  const auto page = store().log().read_after(Position{0}, {.events = 2}, {.categories = {"order"}});
  ASSERT_TRUE(page) << page.error().describe();
  EXPECT_EQ(positions_of(refs_of(page->events)), (std::vector<std::int64_t>{1, 5}));
  EXPECT_EQ(page->reached, Position{5});
}

TEST_P(LogContract, ReadsBackwards) {
  fill("order-1", 7);
  EXPECT_EQ(positions_of(backwards_of(store(), Position{8}, {.events = 3})), numbers(7, 1));
  EXPECT_EQ(positions_of(backwards_of(store(), Position{4}, {.events = 2})), numbers(3, 1));
  EXPECT_EQ(positions_of(backwards_of(store(), Position{1'000}, {.events = 5})), numbers(7, 1));
}

TEST_P(LogContract, FiltersBackwards) {
  for (int i = 0; i < 3; ++i) {
    fill("order-1", 1);
    fill("user-1", 2);
  }
  EXPECT_EQ(positions_of(backwards_of(store(), Position{100}, {.events = 2}, {.categories = {"order"}})),
            (std::vector<std::int64_t>{7, 4, 1}));
}

TEST_P(LogContract, ShowsStreamsInTheOrderOfTheirVersions) {
  std::vector<std::jthread> writers;
  for (int i = 0; i < 4; ++i) writers.emplace_back([this] { fill("order-1", 10); });
  writers.clear();
  EXPECT_EQ(versions_of(read_log()), numbers(0, 39));
}

TEST_P(LogContract, FindsTheFirstEventSinceATimeAndTheLastBeforeIt) {
  for (int i = 0; i < 9; ++i) fill("order-" + std::to_string(i), 3);
  const std::vector<EventRef> all = read_log();
  std::set<Timestamp> times;
  for (const EventRef& read : all) times.insert(*read->recorded_at);
  for (const Timestamp time : times) {
    for (const Timestamp asked : {time - std::chrono::microseconds(1), time, time + std::chrono::microseconds(1)}) {
      std::optional<Position> since, before;
      for (const EventRef& read : all) {
        if (*read->recorded_at < asked) before = read->position;
        if (*read->recorded_at >= asked && !since) since = read->position;
      }
      EXPECT_EQ(store().log().first_since(asked).value(), since);
      EXPECT_EQ(store().log().last_before(asked).value(), before);
    }
  }
}

TEST_P(LogContract, FindsNoEventSinceATimeInAnEmptyLog) {
  EXPECT_EQ(store().log().first_since(Timestamp{}).value(), std::nullopt);
  EXPECT_EQ(store().log().last_before(Timestamp(std::chrono::hours(24 * 365 * 100))).value(), std::nullopt);
}

TEST_P(LogContract, AnswersAtOnceWhenTheHeadIsBeyond) {
  fill("order-1", 3);
  EXPECT_EQ(store().log().wait_beyond(Position{2}, soon(), {}), Position{3});
}

TEST_P(LogContract, AnswersTheHeadWhenTheWaitEnds) {
  fill("order-1", 3);
  EXPECT_EQ(store().log().wait_beyond(Position{3}, Deadline::in(std::chrono::milliseconds(20)), {}), Position{3});
}

TEST_P(LogContract, WakesForAnAppendOfItsOwnProgram) {
  fill("order-1", 1);
  auto waiting = std::async(std::launch::async, [this] { return store().log().wait_beyond(Position{1}, soon(), {}); });
  fill("order-1", 1);
  EXPECT_EQ(waiting.get(), Position{2});
}

TEST_P(LogContract, WakesForAnAppendOfAnotherProgram) {
  fill("order-1", 1);
  const auto other = open_another();
  auto waiting = std::async(std::launch::async, [&] { return other->log().wait_beyond(Position{1}, soon(), {}); });
  fill("order-1", 1);
  EXPECT_EQ(waiting.get(), Position{2});
}

TEST_P(LogContract, EndsItsWaitWhenAskedToStop) {
  std::stop_source stop;
  auto waiting =
      std::async(std::launch::async, [&] { return store().log().wait_beyond(Position{0}, soon(), stop.get_token()); });
  stop.request_stop();
  ASSERT_EQ(waiting.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(waiting.get(), Position{0});
}

}  // namespace
}  // namespace penstock::tests
