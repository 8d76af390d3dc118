#include "relay/mapping/template.h"

#include <gtest/gtest.h>

namespace penstock::relay {
namespace {

Event sample_event() {
  Event event;
  event.id = *EventId::parse("0190a5e4-0000-7000-8000-000000000001");
  event.stream = "order-item-7";
  event.category = "order-item";
  event.key = "7";
  event.type = "placed";
  event.version = Version{3};
  event.position = Position{17};
  event.metadata = R"({"tenant":"acme","count":5,"none":null})";
  return event;
}

std::string rendered(std::string_view text, const Event& event = sample_event()) {
  const auto parsed = parse_template(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  std::string out;
  const auto* empty = append_rendered(out, *parsed, event);
  return empty == nullptr ? out : "empty: " + describe(*empty);
}

TEST(Template, RendersEveryPlaceholder) {
  EXPECT_EQ(rendered("{category}/{stream}/{key}/{type}"), "order-item/order-item-7/7/placed");
  EXPECT_EQ(rendered("{id}"), "0190a5e4-0000-7000-8000-000000000001");
  EXPECT_EQ(rendered("v{version}@{position}"), "v3@17");
  EXPECT_EQ(rendered("{content_type}"), "application/json");
  EXPECT_EQ(rendered("{metadata.tenant}-{metadata.count}"), "acme-5");
}

TEST(Template, LeavesOtherTextAsItIs) {
  EXPECT_EQ(rendered("outbox.event.{category}!"), "outbox.event.order-item!");
  EXPECT_EQ(rendered("plain"), "plain");
  EXPECT_EQ(rendered(""), "");
}

TEST(Template, NamesThePlaceholderThatIsEmptyForAnEvent) {
  EXPECT_EQ(rendered("a{metadata.region}"), "empty: {metadata.region}");
  EXPECT_EQ(rendered("{metadata.none}"), "empty: {metadata.none}");
  Event event = sample_event();
  event.version.reset();
  event.key.reset();
  EXPECT_EQ(rendered("{version}", event), "empty: {version}");
  EXPECT_EQ(rendered("{key}", event), "empty: {key}");
}

struct BadRow {
  const char* text;
  std::size_t offset;
  const char* says;
};

class BadTemplate : public testing::TestWithParam<BadRow> {};

TEST_P(BadTemplate, IsRefusedWithItsPlace) {
  const auto parsed = parse_template(GetParam().text);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().offset, GetParam().offset);
  EXPECT_NE(parsed.error().message.find(GetParam().says), std::string::npos) << parsed.error().message;
}

INSTANTIATE_TEST_SUITE_P(Template, BadTemplate,
                         testing::Values(BadRow{"x.{categry}", 2, "did you mean {category}?"},
                                         BadRow{"{tenant}", 0, "known are {category}"},
                                         BadRow{"ab{category", 2, "without a }"}, BadRow{"ab}", 2, "without a {"},
                                         BadRow{"{cat{key}", 0, "without a }"}, BadRow{"{}", 0, "unknown placeholder"},
                                         BadRow{"{metadata.}", 0, "{metadata.tenant}"},
                                         BadRow{"{metadata}", 0, "{metadata.tenant}"},
                                         BadRow{"{Category}", 0, "did you mean {category}?"}));

TEST(Template, KnowsWhichPlaceholdersItMentions) {
  EXPECT_FALSE(parse_template("orders")->mentions(Placeholder::kKey));
  EXPECT_TRUE(parse_template("orders.{key}")->mentions(Placeholder::kKey));
}

}  // namespace
}  // namespace penstock::relay
