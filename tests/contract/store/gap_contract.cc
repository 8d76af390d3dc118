#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

store::GapRecord gap_of(std::string_view route, std::int64_t from, std::int64_t to) {
  store::GapRecord gap{.route = std::string(route), .reason = "relay.lost_tail", .from = {from}, .to = {to}};
  for (char letter = 'a'; from <= to; ++from, ++letter) gap.events.push_back(id_of(letter));
  return gap;
}

TEST_P(GapContract, GivesBackWhatWasRecorded) {
  const auto number = store().gaps().record(gap_of("out", 4, 6));
  ASSERT_TRUE(number) << number.error().describe();
  const auto found = store().gaps().find(*number);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->route, "out");
  EXPECT_EQ((*found)->reason, "relay.lost_tail");
  EXPECT_EQ((*found)->from, Position{4});
  EXPECT_EQ((*found)->to, Position{6});
  EXPECT_EQ((*found)->events, (std::vector<EventId>{id_of('a'), id_of('b'), id_of('c')}));
  EXPECT_EQ((*found)->acknowledged_by, "");
  EXPECT_EQ(store().gaps().find(*number + 1).value(), std::nullopt);
}

TEST_P(GapContract, RecordsTheSameGapOnce) {
  const auto number = store().gaps().record(gap_of("out", 4, 6));
  EXPECT_EQ(store().gaps().record(gap_of("out", 4, 6)).value(), *number);
  EXPECT_NE(store().gaps().record(gap_of("out", 4, 7)).value(), *number);
  EXPECT_NE(store().gaps().record(gap_of("other", 4, 6)).value(), *number);
  EXPECT_EQ(store().gaps().list(0, 10)->size(), 3u);
}

TEST_P(GapContract, TellsASourceFromARouteOfItsName) {
  store::GapRecord of_source = gap_of("orders", 4, 6);
  of_source.of = store::GapRecord::Of::kSource;
  const auto number = store().gaps().record(of_source);
  ASSERT_TRUE(number) << number.error().describe();
  EXPECT_EQ((*store().gaps().find(*number))->of, store::GapRecord::Of::kSource);
  EXPECT_EQ(store().gaps().find_open("orders").value(), std::nullopt);
  const auto of_route = store().gaps().record(gap_of("orders", 4, 6));
  EXPECT_NE(*of_route, *number);
  EXPECT_EQ((*store().gaps().find_open("orders"))->number, *of_route);
}

TEST_P(GapContract, ListsByNumberPageByPage) {
  std::vector<std::int64_t> numbers;
  for (int i = 1; i <= 3; ++i) numbers.push_back(*store().gaps().record(gap_of("out", i, i)));
  const auto first = store().gaps().list(0, 2);
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ(first->back().number, numbers[1]);
  const auto rest = store().gaps().list(numbers[1], 2);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ(rest->front().number, numbers[2]);
}

TEST_P(GapContract, IsOpenUntilItIsAcknowledged) {
  const auto first = store().gaps().record(gap_of("out", 1, 1));
  const auto second = store().gaps().record(gap_of("out", 3, 3));
  EXPECT_EQ(store().gaps().find_open("other").value(), std::nullopt);
  EXPECT_EQ((*store().gaps().find_open("out"))->number, *first);
  EXPECT_EQ(code_of(store().gaps().acknowledge(*first, "anna")), "ok");
  EXPECT_EQ((*store().gaps().find_open("out"))->number, *second);
  EXPECT_EQ(code_of(store().gaps().acknowledge(*first, "bert")), "ok");
  EXPECT_EQ((*store().gaps().find(*first))->acknowledged_by, "anna");
  EXPECT_EQ(code_of(store().gaps().acknowledge(99, "anna")), "store.no_such_gap");
  reopen();
  EXPECT_EQ((*store().gaps().find_open("out"))->number, *second);
}

TEST_P(GapContract, TellsWhichEventStandsAtAPosition) {
  ASSERT_TRUE(append(lettered("order-1", "ab")));
  EXPECT_EQ(store().log().event_id_at(Position{2}).value(), id_of('b'));
  EXPECT_EQ(store().log().event_id_at(Position{0}).value(), std::nullopt);
  EXPECT_EQ(store().log().event_id_at(Position{3}).value(), std::nullopt);
}

}  // namespace
}  // namespace penstock::tests
