#include "core/json_text.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

Event sample() {
  return {.stream = "order-7", .category = "order", .type = "placed", .data = "{\"a\": 1.10}", .metadata = "{}"};
}

std::string json_of(const Event& event) {
  std::string text;
  append_event_json(text, event);
  return text;
}

TEST(EventJson, SplicesJsonDataInUntouched) {
  EXPECT_NE(json_of(sample()).find(R"("data":{"a": 1.10}})"), std::string::npos);
}

TEST(EventJson, ShowsOtherBytesAsBase64) {
  Event event = sample();
  event.data = "not json";
  EXPECT_NE(json_of(event).find(R"("data_base64":"bm90IGpzb24="})"), std::string::npos);
  event.data = "{}";
  event.content_type = "application/octet-stream";
  EXPECT_NE(json_of(event).find(R"("data_base64":"e30="})"), std::string::npos);
}

TEST(EventJson, TellsNoDataFromEmptyData) {
  Event event = sample();
  event.data = std::nullopt;
  EXPECT_NE(json_of(event).find(R"("data":null})"), std::string::npos);
  event.data = "";
  EXPECT_NE(json_of(event).find(R"("data_base64":""})"), std::string::npos);
}

TEST(EventJson, StaysOnOneLine) {
  Event event = sample();
  event.data = "{\n\"a\":\r\n1}";
  event.metadata = "{\n}";
  EXPECT_EQ(json_of(event).find_first_of("\r\n"), std::string::npos);
  EXPECT_TRUE(is_json(json_of(event)));
}

TEST(EventJson, QuotesPositionsAndHostileNames) {
  Event event = sample();
  event.position = Position{17};
  event.version = Version{3};
  event.type = "a\"b\\c\x01\xff";
  const std::string text = json_of(event);
  EXPECT_TRUE(is_json(text)) << text;
  EXPECT_NE(text.find(R"({"position":"17",)"), std::string::npos);
  EXPECT_NE(text.find(R"("version":3,)"), std::string::npos);
}

TEST(JsonText, FindsTopLevelMembersOnly) {
  const std::string_view object = R"({"a":{"tenant":"inner"},"tenant":"x\"y","n":12,"z":null,"o":{"k":[1]}})";
  EXPECT_EQ(find_member(object, "tenant"), "x\"y");
  EXPECT_EQ(find_member(object, "n"), "12");
  EXPECT_EQ(find_member(object, "o"), R"({"k":[1]})");
  EXPECT_EQ(find_member(object, "z"), std::nullopt);
  EXPECT_EQ(find_member(object, "k"), std::nullopt);
  EXPECT_EQ(find_member("[1]", "k"), std::nullopt);
  EXPECT_EQ(find_member("{broken", "k"), std::nullopt);
}

TEST(JsonText, KnowsAnObject) {
  EXPECT_TRUE(is_json_object(" {\"a\":1}"));
  for (const char* text : {"", "[]", "1", "{", "{} x", "null", "{\"a\":\"\xff\"}"})
    EXPECT_FALSE(is_json_object(text)) << text;
}

TEST(JsonText, AcceptsWhatTheGrammarAllowsAndTextCanHold) {
  for (const char* text : {"1e5", "-0.5E-3", "\"\\ud83d\\ude00 \\u00e9\"", "[\"grüße\", {\"a\": [true, null]}]",
                           "\t1 \n", "1e999", "-1E400", "\"\\uD83D\\uDE00\\ud83d\\ude00\""})
    EXPECT_TRUE(is_json(text)) << text;
  EXPECT_TRUE(is_json(std::string(305, '7')));
  EXPECT_TRUE(is_json(std::string(400, '7')));
  EXPECT_TRUE(is_json(std::string(20'000, '[') + std::string(20'000, ']')));
  // Halves of pairs, what is no escape, a mark in front.
  for (const char* text : {"\"\\ud800\"", "\"\\udc00 \"", "\"\\ud83d\\u0041\"", "\"\\ud83d\\ud83d\\ude00\"",
                           "\"\\ud83dx\"", "\"\\ud83d\\u00\"", "\"\\u12g4\"", "\"\\ud83d", "\xef\xbb\xbf{}"})
    EXPECT_FALSE(is_json(text)) << text;
}

TEST(JsonText, FindsMembersBesideNumbersBeyondADouble) {
  const std::string object = R"({"n":1e999,"k":"v","tags":["a","b"],"o":{"x":-1E400},"\u006d":null,"k":"w"})";
  EXPECT_EQ(find_member(object, "n"), "1e999");
  EXPECT_EQ(find_member(object, "k"), "w");
  EXPECT_EQ(find_member(object, "o"), R"({"x":-1E400})");
  EXPECT_EQ(find_texts(object, "tags"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(has_member(object, "m"));
  EXPECT_EQ(find_member(object, "m"), std::nullopt);
  EXPECT_FALSE(has_member(object, "x"));
  const std::string deep = R"({"k":"v","d":)" + std::string(20'000, '[') + std::string(20'000, ']') + "}";
  EXPECT_EQ(find_member(deep, "k"), "v");
}

TEST(JsonText, LooksBehindANul) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(is_json("{}\0x"sv));
  EXPECT_FALSE(is_json("1\0"sv));
  EXPECT_FALSE(is_json_object("{\"a\":1}\0"sv));
}

TEST(JsonText, RefusesTextThatDatabasesCannotKeep) {
  using namespace std::string_view_literals;
  EXPECT_TRUE(is_utf8_text("grüße \xf0\x9f\x98\x80"));
  for (const auto text : {"a\0b"sv, "\xff"sv, "\xc0\xaf"sv, "\xed\xa0\x80"sv, "\xf4\x90\x80\x80"sv, "\xe2\x82"sv})
    EXPECT_FALSE(is_utf8_text(text));
}

}  // namespace
}  // namespace penstock
