#include "connectors/rabbitmq/exchange_book.h"

#include <gtest/gtest.h>

namespace penstock::rabbitmq {
namespace {

using Known = ExchangeBook::Known;

const ExchangeBook::Time kNow{std::chrono::seconds(1'000)};

TEST(ExchangeBook, KnowsNothingAtFirstButTheDefaultExchange) {
  const ExchangeBook book;
  EXPECT_EQ(book.find("events", kNow), Known::kUnknown);
  EXPECT_EQ(book.find("", kNow), Known::kThere);
}

TEST(ExchangeBook, KeepsWhatWasFound) {
  ExchangeBook book;
  book.found("events");
  EXPECT_EQ(book.find("events", kNow + std::chrono::hours(1)), Known::kThere);
}

TEST(ExchangeBook, ForgetsAfterASecondThatOneWasMissing) {
  ExchangeBook book;
  book.missed("events", Error(codes::kRabbitExchangeMissing, "no"), kNow);
  EXPECT_EQ(book.find("events", kNow + std::chrono::milliseconds(999)), Known::kMissing);
  EXPECT_EQ(book.why_missing("events")->message(), "no");
  EXPECT_EQ(book.find("events", kNow + std::chrono::seconds(1)), Known::kUnknown);
}

TEST(ExchangeBook, StaysBoundedHoweverManyNamesEventsMake) {
  ExchangeBook book;
  for (int i = 0; i < 10'000; ++i) book.found("exchange-" + std::to_string(i));
  int kept = 0;
  for (int i = 0; i < 10'000; ++i) kept += book.find("exchange-" + std::to_string(i), kNow) == Known::kThere ? 1 : 0;
  EXPECT_GT(kept, 0);
  EXPECT_LE(kept, 4'096);
}

}  // namespace
}  // namespace penstock::rabbitmq
