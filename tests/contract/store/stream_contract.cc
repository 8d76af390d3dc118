#include <thread>

#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::Direction;

TEST_P(StreamContract, ReadsAStreamForwards) {
  fill("order-1", 3);
  fill("order-2", 2);
  fill("order-1", 2);
  const auto page = store().events().read_stream("order-1", std::nullopt, Direction::kForward, {});
  ASSERT_TRUE(page) << page.error().describe();
  EXPECT_EQ(versions_of(refs_of(page->events)), numbers(0, 4));
  EXPECT_EQ(page->last_version, Version{4});
  EXPECT_FALSE(page->next);
}

TEST_P(StreamContract, ReadsAStreamBackwards) {
  fill("order-1", 5);
  const auto page = store().events().read_stream("order-1", std::nullopt, Direction::kBackward, {});
  ASSERT_TRUE(page) << page.error().describe();
  EXPECT_EQ(versions_of(refs_of(page->events)), numbers(4, 0));
  EXPECT_FALSE(page->next);
}

TEST_P(StreamContract, StartsAtAVersionInclusively) {
  fill("order-1", 5);
  const auto forward = store().events().read_stream("order-1", Version{2}, Direction::kForward, {});
  EXPECT_EQ(versions_of(refs_of(forward->events)), numbers(2, 4));
  const auto backward = store().events().read_stream("order-1", Version{2}, Direction::kBackward, {});
  EXPECT_EQ(versions_of(refs_of(backward->events)), numbers(2, 0));
}

TEST_P(StreamContract, AnswersAnEmptyPagePastTheEnd) {
  fill("order-1", 2);
  const auto page = store().events().read_stream("order-1", Version{2}, Direction::kForward, {});
  ASSERT_TRUE(page) << page.error().describe();
  EXPECT_TRUE(page->events->empty());
  EXPECT_EQ(page->last_version, Version{1});
  EXPECT_FALSE(page->next);
}

TEST_P(StreamContract, StartsBackwardsAtTheLastEventWhenAskedForMore) {
  fill("order-1", 3);
  const auto page = store().events().read_stream("order-1", Version{99}, Direction::kBackward, {});
  EXPECT_EQ(versions_of(refs_of(page->events)), numbers(2, 0));
}

TEST_P(StreamContract, AnswersAnEmptyPageForAnUnknownStream) {
  fill("order-1", 1);
  for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
    const auto page = store().events().read_stream("order-2", std::nullopt, direction, {});
    ASSERT_TRUE(page) << page.error().describe();
    EXPECT_TRUE(page->events->empty());
    EXPECT_FALSE(page->last_version);
    EXPECT_FALSE(page->next);
  }
}

TEST_P(StreamContract, ReadsSingleEventsFromBothEnds) {
  fill("order-1", 3);
  const auto first = store().events().read_stream("order-1", std::nullopt, Direction::kForward, {.events = 1});
  EXPECT_EQ(versions_of(refs_of(first->events)), numbers(0, 0));
  EXPECT_EQ(first->next, Version{1});
  const auto last = store().events().read_stream("order-1", std::nullopt, Direction::kBackward, {.events = 1});
  EXPECT_EQ(versions_of(refs_of(last->events)), numbers(2, 2));
  EXPECT_EQ(last->next, Version{1});
}

TEST_P(StreamContract, HasNoNextPageAfterAFullLastOne) {
  fill("order-1", 4);
  const auto forward = store().events().read_stream("order-1", Version{2}, Direction::kForward, {.events = 2});
  EXPECT_FALSE(forward->next);
  const auto backward = store().events().read_stream("order-1", Version{1}, Direction::kBackward, {.events = 2});
  EXPECT_FALSE(backward->next);
}

TEST_P(StreamContract, PagesToTheEndAndGoesOnAfterNewEvents) {
  fill("order-1", 7);
  EXPECT_EQ(versions_of(read_whole_stream("order-1", Direction::kForward, {.events = 3})), numbers(0, 6));
  EXPECT_EQ(versions_of(read_whole_stream("order-1", Direction::kBackward, {.events = 3})), numbers(6, 0));
  fill("order-1", 2);
  const auto page = store().events().read_stream("order-1", Version{7}, Direction::kForward, {});
  EXPECT_EQ(versions_of(refs_of(page->events)), numbers(7, 8));
}

TEST_P(StreamContract, BoundsAPageInBytesButGivesAnySingleEvent) {
  const std::string big(10'000, 'x');
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(append(request({event({.stream = "order-1", .data = big})})));
  const auto two = store().events().read_stream("order-1", std::nullopt, Direction::kForward, {.bytes = 25'000});
  EXPECT_EQ(two->events->size(), 2u);
  EXPECT_EQ(two->next, Version{2});
  const auto one = store().events().read_stream("order-1", std::nullopt, Direction::kForward, {.bytes = 1});
  EXPECT_EQ(one->events->size(), 1u);
}

TEST_P(StreamContract, RefusesAPageOfNoEvents) {
  EXPECT_EQ(code_of(store().events().read_stream("order-1", std::nullopt, Direction::kForward, {.events = 0})),
            "store.invalid_request");
}

TEST_P(StreamContract, TellsNamesApartByCase) {
  fill("Order-1", 1);
  fill("order-1", 2);
  EXPECT_EQ(read_whole_stream("Order-1").size(), 1u);
  EXPECT_EQ(read_whole_stream("order-1").size(), 2u);
}

TEST_P(StreamContract, FindsAnEventByItsId) {
  fill("order-1", 2);
  ASSERT_TRUE(append(lettered("order-2", "a")));
  const auto found = store().events().find(id_of('a'));
  ASSERT_TRUE(found) << found.error().describe();
  ASSERT_EQ((*found)->size(), 1u);
  EXPECT_EQ((*found)->events()[0].stream, "order-2");
  EXPECT_EQ((*found)->events()[0].position, Position{3});
}

TEST_P(StreamContract, FindsAllEventsWithAnIdByPosition) {
  ASSERT_TRUE(append(lettered("order-9", "a")));
  ASSERT_TRUE(append(lettered("order-1", "a")));
  EXPECT_EQ(positions_of(refs_of(*store().events().find(id_of('a')))), numbers(1, 2));
}

TEST_P(StreamContract, FindsNothingForAnUnknownId) {
  fill("order-1", 1);
  const auto found = store().events().find(id_of('z'));
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_TRUE((*found)->empty());
}

TEST_P(StreamContract, ListsStreamsInTheOrderOfTheirBytes) {
  const std::vector<std::string> sorted = {"A",    "Z-1", "a", "a b",      "a-1",
                                           "a-10", "a-2", "b", "\xC3\xA4", "\xF0\x9F\x9A\x80"};
  for (auto name = sorted.rbegin(); name != sorted.rend(); ++name) fill(*name, 1);
  std::vector<std::string> listed;
  for (;;) {
    const auto page = store().events().streams({.after = listed.empty() ? "" : listed.back(), .limit = 3});
    ASSERT_TRUE(page) << page.error().describe();
    EXPECT_LE(page->size(), 3u);
    for (const auto& stream : *page) listed.push_back(stream.name);
    if (page->size() < 3) break;
  }
  EXPECT_EQ(listed, sorted);
}

TEST_P(StreamContract, ListsCategoryAndLastVersionOfStreams) {
  fill("order-1", 3);
  ASSERT_TRUE(append(request({event({.stream = "order-item-1", .category = "order-item"})})));
  const auto page = store().events().streams({});
  ASSERT_TRUE(page) << page.error().describe();
  ASSERT_EQ(page->size(), 2u);
  EXPECT_EQ((*page)[0].category, "order");
  EXPECT_EQ((*page)[0].last_version, Version{2});
  EXPECT_EQ((*page)[1].category, "order-item");
}

TEST_P(StreamContract, FindsAnEventByItsStreamAndId) {
  ASSERT_TRUE(append(lettered("order-9", "a")));
  ASSERT_TRUE(append(lettered("order-1", "ba")));
  const auto found = store().events().find_in("order-1", id_of('a'));
  ASSERT_TRUE(found) << found.error().describe();
  ASSERT_NE(*found, nullptr);
  EXPECT_EQ((*found)->position, Position{3});
  EXPECT_EQ((*found)->version, Version{1});
}

TEST_P(StreamContract, FindsNoEventInAStreamThatHasItNot) {
  ASSERT_TRUE(append(lettered("order-9", "a")));
  fill("order-1", 1);
  for (const char* stream : {"order-1", "order-2"}) {
    const auto found = store().events().find_in(stream, id_of('a'));
    ASSERT_TRUE(found) << found.error().describe();
    EXPECT_EQ(*found, nullptr) << stream;
  }
}

TEST_P(StreamContract, ListsOnlyStreamsWithAPrefix) {
  for (const char* name : {"a", "order", "order-1", "order-10", "order-2", "order.x", "orders-1", "z", "order-\u00e4"})
    fill(name, 1);
  const auto names_of = [&](store::StreamQuery query) {
    std::vector<std::string> names;
    const auto page = store().events().streams(query);
    EXPECT_TRUE(page) << page.error().describe();
    for (const auto& stream : page.value_or(std::vector<store::StreamSummary>{})) names.push_back(stream.name);
    return names;
  };
  EXPECT_EQ(names_of({.prefix = "order-"}),
            (std::vector<std::string>{"order-1", "order-10", "order-2", "order-\u00e4"}));
  EXPECT_EQ(names_of({.after = "order-1", .prefix = "order-", .limit = 2}),
            (std::vector<std::string>{"order-10", "order-2"}));
  EXPECT_EQ(names_of({.after = "order-\u00e4", .prefix = "order-"}), std::vector<std::string>{});
  EXPECT_EQ(names_of({.after = "a", .prefix = "order-", .limit = 1}), std::vector<std::string>{"order-1"});
  EXPECT_EQ(names_of({.prefix = "zz"}), std::vector<std::string>{});
}

TEST_P(StreamContract, CountsEventsByCategoryAndType) {
  EXPECT_EQ(store().events().kinds(), std::vector<store::KindCount>{});
  fill("order-1", 3, "placed");
  fill("user-1", 1, "placed");
  fill("order-2", 2, "paid");
  const std::vector<store::KindCount> first = {{"order", "paid", 2}, {"order", "placed", 3}, {"user", "placed", 1}};
  EXPECT_EQ(store().events().kinds(), first);
  EXPECT_EQ(store().events().kinds(), first);
  fill("order-2", 1, "paid");
  fill("account-1", 1, "opened");
  const std::vector<store::KindCount> second = {
      {"account", "opened", 1}, {"order", "paid", 3}, {"order", "placed", 3}, {"user", "placed", 1}};
  EXPECT_EQ(store().events().kinds(), second);
}

TEST_P(StreamContract, CountsEachEventOnceForSeveralWhoAskAtOnce) {
  fill("order-1", 50);
  std::vector<std::jthread> asking;
  for (int i = 0; i < 4; ++i)
    asking.emplace_back([this] {
      const auto kinds = store().events().kinds();
      EXPECT_TRUE(kinds) << kinds.error().describe();
    });
  asking.clear();
  EXPECT_EQ(store().events().kinds(), (std::vector<store::KindCount>{{"order", "placed", 50}}));
}

TEST_P(StreamContract, CountsStreamsAndEvents) {
  EXPECT_EQ(store().events().counts()->events, 0u);
  fill("order-1", 3);
  fill("order-2", 2);
  EXPECT_FALSE(append(request({event({.stream = "order-3"})}, Version{1})));
  const auto counts = store().events().counts();
  ASSERT_TRUE(counts) << counts.error().describe();
  EXPECT_EQ(counts->streams, 2u);
  EXPECT_EQ(counts->events, 5u);
}

}  // namespace
}  // namespace penstock::tests
