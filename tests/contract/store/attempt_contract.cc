#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using Rows = std::map<std::string, std::uint32_t, std::less<>>;

TEST_P(AttemptContract, KnowsNothingOfARouteThatBeganNothing) {
  const auto found = store().attempts().load("in");
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->openings, 0u);
  EXPECT_EQ(found->rows, Rows{});
}

TEST_P(AttemptContract, GivesBackWhatWasCountedLast) {
  ASSERT_TRUE(store().attempts().count_openings("in", 1));
  ASSERT_TRUE(store().attempts().count_openings("in", 2));
  ASSERT_TRUE(store().attempts().count_row("in", {"a", 1}, std::nullopt));
  ASSERT_TRUE(store().attempts().count_row("in", {"a", 2}, std::nullopt));
  ASSERT_TRUE(store().attempts().count_row("in", {"b", 1}, std::nullopt));
  reopen();
  const auto found = store().attempts().load("in");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->openings, 2u);
  EXPECT_EQ(found->rows, (Rows{{"a", 2}, {"b", 1}}));
}

TEST_P(AttemptContract, ForgetsTheRowBefore) {
  ASSERT_TRUE(store().attempts().count_row("in", {"a", 2}, std::nullopt));
  ASSERT_TRUE(store().attempts().count_row("in", {"b", 1}, "a"));
  EXPECT_EQ(store().attempts().load("in")->rows, (Rows{{"b", 1}}));
  ASSERT_TRUE(store().attempts().count_row("in", {"b", 0}, std::nullopt));
  EXPECT_EQ(store().attempts().load("in")->rows, Rows{});
}

TEST_P(AttemptContract, ForgetsARouteAndNoOther) {
  ASSERT_TRUE(store().attempts().count_openings("in", 3));
  ASSERT_TRUE(store().attempts().count_row("in", {"a", 1}, std::nullopt));
  ASSERT_TRUE(store().attempts().count_openings("out", 1));
  ASSERT_TRUE(store().attempts().forget("in"));
  ASSERT_TRUE(store().attempts().forget("in"));
  EXPECT_EQ(store().attempts().load("in")->openings, 0u);
  EXPECT_EQ(store().attempts().load("in")->rows, Rows{});
  EXPECT_EQ(store().attempts().load("out")->openings, 1u);
  ASSERT_TRUE(store().attempts().count_openings("out", 0));
  EXPECT_EQ(store().attempts().load("out")->openings, 0u);
}

}  // namespace
}  // namespace penstock::tests
