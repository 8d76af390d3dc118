#include "connectors/rabbitmq/rights_book.h"

#include <gtest/gtest.h>

namespace penstock::rabbitmq {
namespace {

using Right = RightsBook::Right;

const RightsBook::Time kNow{std::chrono::seconds(1'000)};
const RightsBook::Time kLater = kNow + std::chrono::seconds(1);

Error no() { return Error(codes::kRabbitUnauthorized, "no"); }

TEST(FindRefusedWrite, ReadsTheExchangeAndTheRoutingKeyOutOfTheBrokersWords) {
  const auto whole =
      find_refused_write("ACCESS_REFUSED - write access to exchange 'events' in vhost '/' refused for user 'shop'");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->exchange, "events");
  EXPECT_FALSE(whole->routing_key);
  const auto key = find_refused_write(
      "ACCESS_REFUSED - write access to topic 'it's in exchange 'x' in exchange 'events' in vhost '/' refused for user "
      "'shop'");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->exchange, "events");
  EXPECT_EQ(key->routing_key, "it's in exchange 'x");
  EXPECT_FALSE(find_refused_write("ACCESS_REFUSED - write access to topic 'kkkkk..."));
}

TEST(RightsBook, DoubtsAnExchangeOnceItsRefusalIsOver) {
  RightsBook book;
  EXPECT_EQ(book.find("events", "k", kNow), Right::kAssumed);
  book.refused({"events", std::nullopt}, no(), kNow);
  EXPECT_EQ(book.find("events", "k", kNow), Right::kRefused);
  EXPECT_EQ(book.why_refused("events", "k", kNow)->message(), "no");
  EXPECT_EQ(book.find("events", "k", kLater), Right::kDoubted);
  book.granted("events", "k");
  EXPECT_EQ(book.find("events", "other", kLater), Right::kAssumed);
}

TEST(RightsBook, AsksForEachKeyOfAnExchangeThatRefusedOne) {
  RightsBook book;
  book.refused({"events", "k"}, no(), kNow);
  EXPECT_EQ(book.find("events", "k", kNow), Right::kRefused);
  EXPECT_EQ(book.find("events", "other", kNow), Right::kDoubted);
  book.granted("events", "other");
  EXPECT_EQ(book.find("events", "other", kLater), Right::kAssumed);
  EXPECT_EQ(book.find("events", "k", kLater), Right::kDoubted);
}

TEST(RightsBook, AsksForTheWholeExchangeBeforeItsKeys) {
  RightsBook book;
  book.doubt("events");
  book.granted("events", "k");
  book.refused({"events", std::nullopt}, no(), kNow);
  EXPECT_EQ(book.find("events", "k", kNow), Right::kRefused);
  EXPECT_EQ(book.find("events", "k", kLater), Right::kDoubted);
}

}  // namespace
}  // namespace penstock::rabbitmq
