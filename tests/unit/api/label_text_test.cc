#include "api/label_text.h"

#include <gtest/gtest.h>

#include "core/json_text.h"

namespace penstock::api {
namespace {

TEST(LabelText, LeavesWholeTextAlone) {
  EXPECT_EQ(label_text("nightly \"report\" C:\\x"), "nightly \"report\" C:\\x");
  EXPECT_EQ(label_text("größe €"), "größe €");
}

TEST(LabelText, IsCutBetweenCharacters) {
  const std::string euros = "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€";
  EXPECT_EQ(label_text(euros), euros.substr(0, 63));
  EXPECT_EQ(label_text(std::string(65, 'a')), std::string(64, 'a'));
}

TEST(LabelText, IsUtf8WhateverItWasMadeOf) {
  EXPECT_EQ(label_text("a\xff\xc3(b"),
            "a?"
            "?(b");
  EXPECT_EQ(label_text(std::string_view("a\0b\nc\x7f\x1b[31m", 11)),
            "a?b?c?"
            "?[31m");
  EXPECT_TRUE(is_utf8_text(label_text(std::string(63, 'a') + "\xe2\x82")));
}

}  // namespace
}  // namespace penstock::api
