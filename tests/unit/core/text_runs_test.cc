#include "core/text_runs.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock {
namespace {

TEST(TextRuns, FindASpecialByteWhereverItStands) {
  for (const char special : {'"', '\\', '\0', '\x1f', '\x80', '\xff'}) {
    for (std::size_t size = 1; size <= 20; ++size) {
      for (std::size_t place = 0; place < size; ++place) {
        std::string text(size, 'x');
        text[place] = special;
        for (std::size_t from = 0; from <= size; ++from)
          EXPECT_EQ(find_special(text, from), from <= place ? place : size) << size << ' ' << place << ' ' << from;
      }
    }
  }
}

TEST(TextRuns, FindNothingInPlainText) {
  std::string text;
  for (char c = 0x20; c < 0x7f; ++c)
    if (c != '"' && c != '\\') text += c;
  text += '\x7f';
  EXPECT_EQ(find_special(text, 0), text.size());
  EXPECT_EQ(find_special("", 0), 0u);
}

// A byte that is special lends to the next ones when eight are looked at together.
TEST(TextRuns, FindTheFirstOfSeveral) {
  EXPECT_EQ(find_special("a\x01 !\"#xyz", 0), 1u);
  EXPECT_EQ(find_special("a\x01 !\"#xyz", 2), 4u);
}

}  // namespace
}  // namespace penstock
