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

TEST(CursorPlace, CarriesWitnessesAndTheGapThatWasPassed) {
  const Ranges ranges{{11, kHighestNumber}};
  const Evidence evidence{{{10, "4b3c-5"}, {3, "77aa"}}, 2};
  EXPECT_EQ(words_of(ranges, evidence), "11.. seen 10 4b3c-5 3 77aa gap 2");
  EXPECT_EQ(words_of(XidPlace{734, 10}, evidence), "xid 734:10 seen 10 4b3c-5 3 77aa gap 2");
  EXPECT_EQ(words_of(ranges, {{}, 2}), "11.. gap 2");
  for (const std::string_view words :
       {"11.. seen 10 4b3c-5 3 77aa gap 2", "11.. gap 2", "11.. seen 10 4b3c-5", "11.."}) {
    EXPECT_EQ(parse_ranges(words), ranges) << words;
    EXPECT_EQ(words_of(ranges, parse_evidence(words)), words);
  }
  EXPECT_EQ(parse_xid_place("xid 734:10 seen 10 4b3c-5 gap 2"), (XidPlace{734, 10}));
}

TEST(CursorPlace, TakesNoWitnessOutOfWordsThatAreNone) {
  EXPECT_EQ(parse_evidence("11.. seen ten x"), Evidence());
  EXPECT_EQ(parse_evidence("11.. seen 10"), Evidence());
  EXPECT_EQ(parse_evidence(""), Evidence());
}

TEST(CursorPlace, ShortensAWitnessThatWordsCannotHold) {
  EXPECT_FALSE(witness_of(1, ""));
  const Ranges ranges{{11, kHighestNumber}};
  for (const std::string& id :
       {std::string("two words"), std::string("m\xc3\xbcll"), std::string(81, 'x'), std::string("gap")}) {
    const auto witness = witness_of(10, id);
    ASSERT_TRUE(witness) << id;
    EXPECT_EQ(witness, witness_of(10, id));
    EXPECT_NE(witness, witness_of(10, id + "x"));
    const Evidence evidence{{*witness, {3, "77aa"}}, 0};
    EXPECT_EQ(parse_evidence(words_of(ranges, evidence)), evidence) << id;
  }
}

// Every row with this number would have this id.
TEST(CursorPlace, TakesNoWitnessWhoseIdIsItsNumber) {
  EXPECT_FALSE(witness_of(10, "10"));
  EXPECT_TRUE(witness_of(10, "11"));
}

TEST(CursorPlace, KeepsWitnessesNearEveryEndThatMayBeLost) {
  std::vector<Witness> witnesses;
  constexpr std::int64_t kLast = 1'000'000;
  for (std::int64_t number = 1; number <= kLast; ++number)
    if (number % 7 != 0) add_witness(witnesses, {number, "id-" + std::to_string(number)});
  EXPECT_EQ(witnesses.front().number, kLast);
  EXPECT_LE(witnesses.size(), 12U);
  for (std::int64_t lost = 1; lost < kLast; lost *= 10) {
    const auto left = std::ranges::find_if(witnesses, [&](const Witness& one) { return one.number <= kLast - lost; });
    ASSERT_NE(left, witnesses.end()) << lost;
    EXPECT_LE(kLast - left->number, std::max<std::int64_t>(lost, 2) * 17) << lost;
  }
}

TEST(CursorPlace, PassesOverAWitnessBelowTheHighest) {
  std::vector<Witness> witnesses;
  add_witness(witnesses, {10, "a"});
  add_witness(witnesses, {9, "late"});
  add_witness(witnesses, {10, "again"});
  EXPECT_THAT(witnesses, ElementsAre(Witness{10, "a"}));
  add_witness(witnesses, {kHighestNumber, "b"});
  add_witness(witnesses, {kHighestNumber, "b"});
  EXPECT_THAT(witnesses, ElementsAre(Witness{kHighestNumber, "b"}, Witness{10, "a"}));
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
