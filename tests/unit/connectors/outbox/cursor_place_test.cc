#include "connectors/outbox/cursor_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace penstock::outbox {
namespace {

using testing::ElementsAre;

using Ranges = std::vector<NumberRange>;

TEST(CursorPlace, SaysWhatIsNotSettled) {
  EXPECT_EQ(words_of(Ranges{{kLowestNumber, kHighestNumber}}), "..");
  EXPECT_EQ(words_of(Ranges{{5, 5}, {8, 9}, {11, kHighestNumber}}), "5,8..9,11..");
  EXPECT_EQ(words_of(XidPlace{734, 1001}), "xid 734:1001");
}

TEST(CursorPlace, CarriesAWitness) {
  const Ranges ranges{{11, kHighestNumber}};
  const auto witness = witness_of(10, "4b3c-5");
  ASSERT_TRUE(witness);
  EXPECT_EQ(words_of(ranges, witness), "11.. seen 10 4b3c-5");
  EXPECT_EQ(parse_ranges("11.. seen 10 4b3c-5"), ranges);
  EXPECT_EQ(parse_witness("11.. seen 10 4b3c-5"), witness);
  EXPECT_FALSE(parse_witness("11.."));
  EXPECT_FALSE(parse_witness("11.. seen ten x"));
}

TEST(CursorPlace, TakesNoWitnessThatWordsCannotHold) {
  EXPECT_FALSE(witness_of(1, ""));
  EXPECT_FALSE(witness_of(1, "two words"));
  EXPECT_FALSE(witness_of(1, "m\xc3\xbcll"));
  EXPECT_FALSE(witness_of(1, std::string(81, 'x')));
}

TEST(CursorPlace, ReadsItsOwnWords) {
  for (const Ranges& ranges :
       {Ranges{{kLowestNumber, kHighestNumber}}, Ranges{{5, 5}, {8, 9}, {11, kHighestNumber}},
        Ranges{{-7, -3}, {0, 0}, {9, kHighestNumber}}, Ranges{{kLowestNumber, 4}, {6, kHighestNumber}}})
    EXPECT_EQ(parse_ranges(words_of(ranges)), ranges) << words_of(ranges);
  EXPECT_EQ(parse_xid_place(words_of(XidPlace{734, -1})), (XidPlace{734, -1}));
}

TEST(CursorPlace, RefusesWhatIsNoPlace) {
  for (const std::string_view words : {"", "5", "5,8", "9..,10..", "8..5,11..", "11..x", "xid 7:8", "5 ,8.."})
    EXPECT_FALSE(parse_ranges(words)) << words;
  for (const std::string_view words : {"", "..", "xid 7", "xid 7:", "xid :8", "xid 7:8x"})
    EXPECT_FALSE(parse_xid_place(words)) << words;
}

TEST(CursorPlace, ForgetsSettledNumbersRatherThanUnsettledOnes) {
  Ranges many;
  for (std::int64_t number = 0; number < 100'000; number += 2) many.push_back({number, number});
  many.push_back({200'000, kHighestNumber});
  const auto read = parse_ranges(words_of(many));
  ASSERT_TRUE(read);
  EXPECT_LT(read->size(), many.size());
  for (std::size_t i = 0; i + 1 < read->size(); ++i) EXPECT_EQ((*read)[i], many[i]);
  EXPECT_EQ(read->back(), (NumberRange{many[read->size() - 1].first, kHighestNumber}));
}

TEST(WithNumbers, PutsRowsInFlightBetweenTheHoles) {
  const Ranges open{{3, 4}, {10, kHighestNumber}};
  const std::int64_t in_flight[] = {1, 5, 6, 8};
  EXPECT_THAT(with_numbers(open, in_flight),
              ElementsAre(NumberRange{1, 1}, NumberRange{3, 6}, NumberRange{8, 8}, NumberRange{10, kHighestNumber}));
  EXPECT_THAT(with_numbers(open, {}), ElementsAre(NumberRange{3, 4}, NumberRange{10, kHighestNumber}));
}

}  // namespace
}  // namespace penstock::outbox
