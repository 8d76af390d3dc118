#include "core/event.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(Key, IsTheStreamNameWithoutItsCategory) {
  EXPECT_EQ(key_of("order-7", "order"), "7");
  EXPECT_EQ(key_of("order-item-7", "order-item"), "7");
  EXPECT_EQ(key_of("order-item-7", "order"), "item-7");
  EXPECT_EQ(key_of("order", "order"), "order");
  EXPECT_EQ(key_of("other-7", "order"), "other-7");
}

TEST(Category, DefaultsToTheTextBeforeTheFirstHyphen) {
  EXPECT_EQ(default_category("order-7"), "order");
  EXPECT_EQ(default_category("order"), "order");
  EXPECT_EQ(default_category("-order"), "-order");
  EXPECT_EQ(default_category("a-b-c"), "a");
}

TEST(EventBatch, LivesAsLongAsOneOfItsEvents) {
  EventRef kept;
  {
    EventBatchBuilder builder;
    std::string scratch = "order-1";
    builder.add({.stream = builder.keep(scratch), .category = "order", .type = "placed", .data = builder.keep("{}")});
    scratch = "overwritten";
    kept = EventBatch::ref(std::move(builder).finish(), 0);
  }
  EXPECT_EQ(kept->stream, "order-1");
  EXPECT_EQ(kept->data, "{}");
}

TEST(EventBatch, KeepsNoDataApartFromEmptyData) {
  EXPECT_FALSE(make_event({.stream = "a", .category = "a", .type = "t"})->data.has_value());
  EXPECT_EQ(make_event({.stream = "a", .category = "a", .type = "t", .data = ""})->data, "");
}

}  // namespace
}  // namespace penstock
