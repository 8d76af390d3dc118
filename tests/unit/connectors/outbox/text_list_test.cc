#include "connectors/outbox/text_list.h"

#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

// As lines, with NULL where there is none; "none" for what is no list.
std::string read(std::string_view text) {
  const auto list = parse_text_list(text);
  if (!list) return "none";
  std::string lines;
  for (const auto& element : *list) lines += element.value_or("NULL") + "\n";
  return lines;
}

TEST(TextList, ReadsAnArrayAsPostgresWritesIt) {
  EXPECT_EQ(read("{}"), "");
  EXPECT_EQ(read("{trace}"), "trace\n");
  EXPECT_EQ(read("{a,b,c}"), "a\nb\nc\n");
  EXPECT_EQ(read(R"({"a b","c,d","{e}","say \"x\"","back\\slash",""})"), "a b\nc,d\n{e}\nsay \"x\"\nback\\slash\n\n");
  EXPECT_EQ(read("{\"two\nlines\",z\u00fc}"), "two\nlines\nz\u00fc\n");
}

TEST(TextList, TellsNullFromTheWord) {
  const auto list = parse_text_list(R"({NULL,"NULL",null})");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 3U);
  EXPECT_EQ((*list)[0], std::nullopt);
  EXPECT_EQ((*list)[1], "NULL");
  EXPECT_EQ((*list)[2], std::nullopt);
}

TEST(TextList, PassesOverTheBoundsOfAnArray) {
  EXPECT_EQ(read("[0:1]={a,b}"), "a\nb\n");
  EXPECT_EQ(read("[-1:-1]={a=b}"), "a=b\n");
}

TEST(TextList, ReadsAJsonArrayOfTexts) {
  EXPECT_EQ(read("[]"), "");
  EXPECT_EQ(read(R"( [ "a" , null,"b\u00e9\"]," ] )"), "a\nNULL\nb\u00e9\"],\n");
}

TEST(TextList, IsNoneOfAnythingElse) {
  for (const char* text : {"",
                           "a",
                           "a,b",
                           "{",
                           "}",
                           "{a",
                           "{a,}",
                           "{,a}",
                           "{a}b",
                           "{{a},{b}}",
                           "{a,{b}}",
                           "[1:1][1:1]={{a}}",
                           R"({"a)",
                           R"({"a\)",
                           R"({"a"b})",
                           R"({a"b"})",
                           R"({a\,b})",
                           "[x]={a}",
                           "[",
                           "[1]",
                           R"(["a",["b"]])",
                           R"([{"a":"b"}])",
                           "[true]",
                           R"(["a",])",
                           "null",
                           R"({"a":"b"})"})
    EXPECT_EQ(read(text), "none") << text;
}

TEST(TextList, MakesAnObjectOfNamesAndValues) {
  std::string object;
  append_members(object, {"a", "q\"", "a"}, {"1", std::nullopt, "line\n"});
  EXPECT_EQ(object, R"({"a":"1","q\"":null,"a":"line\u000a"})");
}

}  // namespace
}  // namespace penstock::outbox
