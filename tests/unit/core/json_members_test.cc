#include "core/json_members.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

std::string listed(std::string_view object) {
  const auto members = json_members(object);
  if (!members) return "none";
  std::string text;
  for (const JsonMember& member : *members)
    text += member.name + "=" + std::string(member.text) + "(" + std::to_string(static_cast<int>(member.is)) + ") ";
  return text;
}

TEST(JsonMembers, AreGivenAsTheyAreWritten) {
  EXPECT_EQ(listed(R"({"a":1.50,"b":"x","c":null,"d":true,"e":[1, 2],"f":{"g":"}"}})"),
            R"(a=1.50(2) b="x"(1) c=null(0) d=true(3) e=[1, 2](5) f={"g":"}"}(4) )");
  EXPECT_EQ(listed(" { \"a\" :\n -1e5 , \"b\" : \"\" } \n"), "a=-1e5(2) b=\"\"(1) ");
  EXPECT_EQ(listed("{}"), "");
  EXPECT_EQ(listed(R"({"a":1,"a":2})"), "a=1(2) a=2(2) ");
}

TEST(JsonMembers, AreNoneOfWhatIsNoObject) {
  for (const char* text : {"", "[]", "1", "{", "{\"a\"}", "{\"a\":1}x", "{\"a\":\"\\ud800\"}"})
    EXPECT_FALSE(json_members(text)) << text;
}

TEST(JsonMembers, NamesAndStringsLoseTheirEscapes) {
  const auto members = json_members(R"({"a\u0062\"":"\\ \" \u00e9 \ud83d\ude00"})");
  ASSERT_TRUE(members);
  EXPECT_EQ(members->front().name, "ab\"");
  EXPECT_EQ(json_string(members->front()), "\\ \" \u00e9 \U0001F600");
}

TEST(JsonMembers, BracketsAndQuotesInsideOfStringsDoNotCount) {
  EXPECT_EQ(listed(R"({"a":["]","\"",{"b":"{"}],"c":1})"), R"(a=["]","\"",{"b":"{"}](5) c=1(2) )");
}

}  // namespace
}  // namespace penstock
