#include "cli/demo/verdict.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

EventId id_of(std::uint8_t number) { return EventId({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number}); }

// Events 1, 2, 3 of key a and 4 of key b, committed in this order.
class DemoVerdict : public ::testing::Test {
 protected:
  DemoVerdict() {
    for (const std::uint8_t number : std::initializer_list<std::uint8_t>{1, 2, 3})
      ledger_.commit(id_of(number), "a", "x");
    ledger_.commit(id_of(4), "b", "y");
  }
  Verdict after(std::initializer_list<std::uint8_t> arrivals) {
    for (const std::uint8_t number : arrivals) {
      ledger_.arrive(id_of(number).to_string(), number == 4 ? "b" : "a", number == 4 ? "y" : "x");
    }
    return ledger_.verdict();
  }
  Ledger ledger_;
};

TEST_F(DemoVerdict, HoldsWhenAllArriveInOrderOfTheirKeys) {
  const Verdict verdict = after({4, 1, 2, 3});
  EXPECT_TRUE(verdict.promise_held());
  EXPECT_EQ(verdict.delivered, 4U);
  EXPECT_EQ(verdict.duplicates, 0U);
}

TEST_F(DemoVerdict, HoldsWhenAReplayGoesBack) {
  const Verdict verdict = after({1, 2, 1, 2, 3, 4});
  EXPECT_TRUE(verdict.promise_held());
  EXPECT_EQ(verdict.duplicates, 2U);
}

TEST_F(DemoVerdict, SeesALostEvent) {
  const Verdict verdict = after({1, 2, 4});
  EXPECT_FALSE(verdict.promise_held());
  EXPECT_EQ(verdict.lost, 1U);
}

TEST_F(DemoVerdict, SeesAJumpAhead) {
  const Verdict verdict = after({1, 3, 2, 4});
  EXPECT_FALSE(verdict.promise_held());
  EXPECT_GE(verdict.out_of_order, 1U);
  EXPECT_EQ(verdict.lost, 0U);
}

TEST_F(DemoVerdict, SeesWhatWasNeverCommitted) {
  after({1, 2, 3, 4});
  ledger_.arrive(id_of(9).to_string(), "a", "x");
  ledger_.arrive("no id at all", "a", "x");
  EXPECT_EQ(ledger_.verdict().unknown, 2U);
  EXPECT_FALSE(ledger_.verdict().promise_held());
}

TEST_F(DemoVerdict, SeesOtherBytesUnderAKnownId) {
  after({1, 2, 3, 4});
  ledger_.arrive(id_of(1).to_string(), "a", "other");
  EXPECT_EQ(ledger_.verdict().altered, 1U);
  EXPECT_FALSE(ledger_.verdict().promise_held());
}

TEST_F(DemoVerdict, DoesNotHoldWhenNothingWasDelivered) { EXPECT_FALSE(Ledger().verdict().promise_held()); }

}  // namespace
}  // namespace penstock::cli
