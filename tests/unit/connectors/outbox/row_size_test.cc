#include "connectors/outbox/row_size.h"

#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

TEST(RowSize, HoldsThePayloadAgainstTheLimitOfAnEventAndTheRestAgainstALittleMore) {
  EXPECT_FALSE(is_too_large({1'000, 1'000 + kOtherColumnsBytes}, 1'000));
  EXPECT_TRUE(is_too_large({1'001, 0}, 1'000));
  EXPECT_TRUE(is_too_large({0, 1'001 + kOtherColumnsBytes}, 1'000));
}

TEST(RowSize, SaysWhichPartIsTooLarge) {
  EXPECT_EQ(words_of_too_large({1'001, 9}, 1'000), "the payload has 1001 bytes, and [limits] event_bytes allows 1000");
  EXPECT_EQ(words_of_too_large({9, 140'000}, 1'000),
            "what stands beside the payload has 140000 bytes, and [limits] event_bytes and 131072 more allow 132072");
  EXPECT_EQ(words_of_too_large({}, 1'000), "it has more bytes than the 1000 of [limits] event_bytes allow");
}

}  // namespace
}  // namespace penstock::outbox
