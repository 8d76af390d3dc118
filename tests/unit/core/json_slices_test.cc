#include "core/json_slices.h"

#include <gtest/gtest.h>

#include <string>

#include "core/json_text.h"

namespace penstock {
namespace {

// "name=value|name=value", or where and what the fault is.
std::string split(std::string_view text) {
  std::vector<JsonSlice> members;
  if (const auto fault = slice_object(text, members))
    return std::to_string(fault->at) + ": " + std::string(fault->words);
  std::string joined;
  for (const JsonSlice& member : members)
    joined.append(joined.empty() ? "" : "|").append(member.name).append("=").append(member.value);
  return joined;
}

TEST(JsonSlices, KeepValuesAsTheyAreWritten) {
  EXPECT_EQ(split(R"({"a":1.10,"b":{"x" : [ 1,2 ]},"c":"q\"\u0041","d":null})"),
            R"(a=1.10|b={"x" : [ 1,2 ]}|c="q\"\u0041"|d=null)");
  EXPECT_EQ(split(" { \"a\" :\ttrue , \"a\": -0.5e+7 } "), "a=true|a=-0.5e+7");
  EXPECT_EQ(split("{}"), "");
}

TEST(JsonSlices, SayWhereATextEndsToBeJson) {
  EXPECT_EQ(split(""), "0: this is no JSON object");
  EXPECT_EQ(split("[1]"), "0: this is no JSON object");
  EXPECT_EQ(split(R"({"a":})"), "5: a value is missing");
  EXPECT_EQ(split(R"({"a" 1})"), "5: a colon is missing");
  EXPECT_EQ(split(R"({"a":1,})"), "7: a string is missing");
  EXPECT_EQ(split(R"({"a":1 "b":2})"), "7: a comma or a closing bracket is missing");
  EXPECT_EQ(split(R"({"a":[1,2})"), "9: a comma or a closing bracket is missing");
  EXPECT_EQ(split(R"({"a":"x)"), "7: a string has no end");
  EXPECT_EQ(split("{\"a\":\"\n\"}"), "6: a control character stands in a string");
  EXPECT_EQ(split(R"({"a":"\x"})"), "7: an escape is unknown");
  EXPECT_EQ(split(R"({"a":"\u00g0"})"), "10: a hexadecimal digit is missing");
  EXPECT_EQ(split(R"({"a":01})"), "6: a comma or a closing bracket is missing");
  EXPECT_EQ(split(R"({"a":1.})"), "7: a digit is missing");
  EXPECT_EQ(split(R"({"a":1} x)"), "8: something stands behind the object");
  EXPECT_EQ(split("{\"a\":\"\xff\"}"), "6: this is not UTF-8");
}

TEST(JsonSlices, EndANestingThatIsTooDeep) {
  const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
  EXPECT_TRUE(is_json_on_one_line(deep));
  EXPECT_FALSE(is_json_on_one_line("[" + deep + "]"));
}

TEST(JsonSlices, TellWhatCanStandInTheMiddleOfALine) {
  for (const char* text : {"{}", "[ ]", "-1", "\"a\\nb\"", "null", R"({"a": [1, {"b":""}]})"}) {
    EXPECT_TRUE(is_json_on_one_line(text)) << text;
  }
  for (const char* text : {"", " 1", "1 ", "{\n}", "{\r}", "\xef\xbb\xbf{}", "nul", "1 2", "\"\x80\"", "--1"}) {
    EXPECT_FALSE(is_json_on_one_line(text)) << text;
  }
}

TEST(Base64, ComesBackAsItWas) {
  for (const std::string_view bytes : {"", "a", "ab", "abc", "\xff\xfe\xfd\xfc"}) {
    std::string text;
    append_base64(text, bytes);
    EXPECT_EQ(decode_base64(text), bytes);
  }
}

TEST(Base64, RefusesWhatNoEncoderWrites) {
  for (const char* text : {"a", "ab", "abc", "ab=c", "a===", "====", "YQ=a", "Y Q=", "YR==", "YWJ=", "YQ==YQ=="}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace penstock
