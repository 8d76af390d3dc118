#include "core/json_pointer.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

constexpr std::string_view kDocument =
    R"({"a":{"b" : [ 1.10 ,{"c":"x\"}y"}, []]},"m~n":1,"p/q":2,"":3,"twice":1,"twice":2,"\u0061b":null})";

TEST(JsonPointer, FindsValuesAsTheyAreWritten) {
  EXPECT_EQ(find_by_pointer(kDocument, "/a/b/0"), "1.10");
  EXPECT_EQ(find_by_pointer(kDocument, "/a/b/1/c"), R"("x\"}y")");
  EXPECT_EQ(find_by_pointer(kDocument, "/a/b/2"), "[]");
  EXPECT_EQ(find_by_pointer(kDocument, "/a/b"), R"([ 1.10 ,{"c":"x\"}y"}, []])");
  EXPECT_EQ(find_by_pointer(" [1, 2] ", ""), "[1, 2]");
  EXPECT_EQ(find_by_pointer(R"(12345678901234567890.10)", ""), "12345678901234567890.10");
}

TEST(JsonPointer, UnescapesItsParts) {
  EXPECT_EQ(find_by_pointer(kDocument, "/m~0n"), "1");
  EXPECT_EQ(find_by_pointer(kDocument, "/p~1q"), "2");
  EXPECT_EQ(find_by_pointer(kDocument, "/"), "3");
  EXPECT_EQ(find_by_pointer(kDocument, "/ab"), "null");
}

TEST(JsonPointer, TakesTheLastOfTwoMembers) { EXPECT_EQ(find_by_pointer(kDocument, "/twice"), "2"); }

TEST(JsonPointer, FindsNothingWhereNothingIs) {
  for (const std::string_view pointer : {"/x", "/a/x", "/a/b/3", "/a/b/01", "/a/b/-", "/a/b/0/c", "/m~0n/x"})
    EXPECT_FALSE(find_by_pointer(kDocument, pointer)) << pointer;
  for (const std::string_view text : {"", "{", R"({"a")", R"({"a":)", R"({"a":"x)", "]", R"({"a":"\)"})
    EXPECT_FALSE(find_by_pointer(text, "/a")) << text;
}

TEST(JsonPointer, SurvivesAnyDepth) {
  const std::string deep = R"({"a":)" + std::string(100'000, '[') + std::string(100'000, ']') + R"(,"b":7})";
  EXPECT_EQ(find_by_pointer(deep, "/b"), "7");
}

TEST(JsonPointer, KnowsPointers) {
  for (const std::string_view text : {"", "/", "/a", "/a/0/b~0~1"}) EXPECT_TRUE(is_json_pointer(text)) << text;
  for (const std::string_view text : {"a", "a/b", "/~", "/~2"}) EXPECT_FALSE(is_json_pointer(text)) << text;
}

TEST(TextOfJson, GivesTheCharactersOfAString) {
  EXPECT_EQ(text_of_json(R"("a\u00e9\n")"), "a\u00e9\n");
  EXPECT_EQ(text_of_json(R"("plain")"), "plain");
  EXPECT_EQ(text_of_json("1.10"), "1.10");
  EXPECT_EQ(text_of_json("null"), std::nullopt);
  EXPECT_EQ(text_of_json(R"("\ud800")"), std::nullopt);
}

}  // namespace
}  // namespace penstock
