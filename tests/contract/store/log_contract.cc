#include <future>
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
