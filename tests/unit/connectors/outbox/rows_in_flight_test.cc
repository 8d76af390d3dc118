#include "connectors/outbox/rows_in_flight.h"

#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

using Numbers = std::vector<std::int64_t>;

RowKey row(std::int64_t number) { return {number, Cell::text("id")}; }

Numbers numbers_of(std::span<const RowKey> rows) {
  Numbers numbers;
  for (const RowKey& key : rows) numbers.push_back(key.number);
  return numbers;
}

TEST(RowsInFlight, GivesMarksInTheOrderOfReading) {
  RowsInFlight rows;
  EXPECT_EQ(rows.add(row(7), RowsInFlight::Then::kSettle), ReadMark{1});
  EXPECT_EQ(rows.add(row(5), RowsInFlight::Then::kSettle), ReadMark{2});
}

TEST(RowsInFlight, DeletesWhatWasReadUpToTheMarkWhateverItsNumber) {
  RowsInFlight rows;
  for (const std::int64_t number : {7, 9, 5}) rows.add(row(number), RowsInFlight::Then::kSettle);
  EXPECT_EQ(numbers_of(rows.to_settle(ReadMark{2})), (Numbers{7, 9}));
}

TEST(RowsInFlight, KeepsRowsThatStayInTheTableOutOfTheDeletion) {
  RowsInFlight rows;
  rows.add(row(1), RowsInFlight::Then::kSettle);
  rows.add(row(2), RowsInFlight::Then::kKeep);
  Numbers kept;
  rows.to_keep(ReadMark{2}, kept);
  EXPECT_EQ(numbers_of(rows.to_settle(ReadMark{2})), Numbers{1});
  EXPECT_EQ(kept, Numbers{2});
}

TEST(RowsInFlight, GoesOnCountingMarksAfterForgetting) {
  RowsInFlight rows;
  rows.add(row(1), RowsInFlight::Then::kSettle);
  rows.forget(ReadMark{1});
  EXPECT_EQ(rows.add(row(2), RowsInFlight::Then::kSettle), ReadMark{2});
  EXPECT_EQ(numbers_of(rows.to_settle(ReadMark{2})), Numbers{2});
}

TEST(RowsInFlight, TakesAMarkThatWasSettledBeforeForNothingToDo) {
  RowsInFlight rows;
  rows.add(row(1), RowsInFlight::Then::kSettle);
  rows.forget(ReadMark{1});
  EXPECT_TRUE(rows.to_settle(ReadMark{1}).empty());
}

TEST(RowsInFlight, ListsNumbersInAscendingOrder) {
  RowsInFlight rows;
  for (const std::int64_t number : {7, 9, 5}) rows.add(row(number), RowsInFlight::Then::kSettle);
  EXPECT_EQ(Numbers(rows.numbers().begin(), rows.numbers().end()), (Numbers{5, 7, 9}));
}

TEST(RowsInFlight, HoldsABatchUntilItsLastRowIsForgotten) {
  auto memory = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = memory;
  RowsInFlight rows;
  rows.add(row(1), RowsInFlight::Then::kSettle);
  rows.add(row(2), RowsInFlight::Then::kSettle);
  rows.finish_batch(std::move(memory));
  rows.forget(ReadMark{1});
  EXPECT_FALSE(watched.expired());
  rows.forget(ReadMark{2});
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace penstock::outbox
