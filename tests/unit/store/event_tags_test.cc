#include "store/event_tags.h"

#include <gtest/gtest.h>

#include "store/event_store.h"

namespace penstock::store {
namespace {

using Tags = std::vector<std::string>;

TEST(EventTags, AreTheTextsOfTheMember) {
  EXPECT_EQ(tags_of(R"({"tags":["b","a"],"tenant":"x"})"), (Tags{"a", "b"}));
  EXPECT_EQ(tags_of(R"({"x":{"tags":["inner"]},"tags":["outer"]})"), Tags{"outer"});
}

TEST(EventTags, StandOnceEach) { EXPECT_EQ(tags_of(R"({"tags":["a","b","a",""]})"), (Tags{"a", "b"})); }

TEST(EventTags, AreReadWithTheirEscapes) {
  EXPECT_EQ(tags_of(R"({"\u0074ags":["caf\u00e9","a\"b"]})"), (Tags{"a\"b", "caf\xc3\xa9"}));
}

TEST(EventTags, AreThoseOfTheLastMemberOfTheName) {
  EXPECT_EQ(tags_of(R"({"tags":["a"],"tags":["b"]})"), Tags{"b"});
  EXPECT_EQ(tags_of(R"({"tags":["a"],"tags":"b"})"), Tags{});
}

TEST(EventTags, AreNotWhatIsNoTextInAnArray) {
  for (const char* metadata : {"{}", R"({"tags":"a"})", R"({"tags":{"a":"b"}})", R"({"tags":null})", R"({"tag":["a"]})",
                               R"({"tags":[1,null,true,{"tags":["a"]},["a"]]})"})
    EXPECT_EQ(tags_of(metadata), Tags{}) << metadata;
}

std::string code_of_metadata(const std::string& metadata) {
  AppendRequest request;
  std::array<std::uint8_t, 16> id{};
  id.back() = 1;
  request.events.push_back(make_event(
      {.id = EventId(id), .stream = "order-1", .category = "order", .type = "placed", .metadata = metadata}));
  const Status checked = check_append(request, {});
  return checked ? "ok" : std::string(checked.error().code().name);
}

TEST(EventTags, KeepToTheirLimits) {
  EXPECT_EQ(code_of_metadata(R"({"tags":[")" + std::string(kTagBytes, 'x') + "\"]}"), "ok");
  EXPECT_EQ(code_of_metadata(R"({"tags":[")" + std::string(kTagBytes + 1, 'x') + "\"]}"), "store.limit_exceeded");
  std::string many;
  for (std::size_t i = 0; i < kEventTags; ++i) many += "\"" + std::to_string(i) + "\",";
  EXPECT_EQ(code_of_metadata("{\"tags\":[" + many + "\"0\"]}"), "ok");
  EXPECT_EQ(code_of_metadata("{\"tags\":[" + many + "\"one more\"]}"), "store.limit_exceeded");
  EXPECT_EQ(code_of_metadata(R"({"tags":["a\u0000b"]})"), "store.invalid_request");
}

}  // namespace
}  // namespace penstock::store
