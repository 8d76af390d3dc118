#include "relay/mapping/mapping.h"

#include <gtest/gtest.h>

#include "tests/support/memory_source.h"

namespace penstock::relay {
namespace {

RouteSettings settings_with(std::string destination, std::string key = "{key}") {
  RouteSettings settings;
  settings.name = "orders";
  settings.templates.destination = std::move(destination);
  settings.templates.key = std::move(key);
  return settings;
}

Mapping mapping_of(const RouteSettings& settings, const connectors::WireProfile* wire = nullptr) {
  auto mapping = Mapping::make(settings, wire);
  EXPECT_TRUE(mapping.has_value());
  return std::move(*mapping);
}

EventRef event_without_key() {
  const EventRef counted = tests::counted_event("7", 1);
  Event event = *counted;
  event.key.reset();
  return make_event(event);
}

TEST(Mapping, RendersDestinationAndKey) {
  Mapping mapping = mapping_of(settings_with("outbox.event.{category}"));
  const auto message = mapping.map(tests::counted_event("7", 1));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->destination, "outbox.event.order");
  EXPECT_EQ(message->key, "7");
  EXPECT_EQ(message->body, "1");
}

TEST(Mapping, SharesTheTextOfEqualDestinations) {
  Mapping mapping = mapping_of(settings_with("outbox.event.{category}"));
  const auto first = mapping.map(tests::counted_event("7", 1));
  const auto second = mapping.map(tests::counted_event("8", 1));
  EXPECT_EQ(first->destination.data(), second->destination.data());
}

TEST(Mapping, KeepsDestinationsThatDifferForEveryEvent) {
  Mapping mapping = mapping_of(settings_with("t-{id}"));
  std::vector<connectors::Message> messages;
  for (std::uint64_t number = 1; number <= 5'000; ++number)
    messages.push_back(std::move(*mapping.map(tests::counted_event("7", number))));
  for (const auto& message : messages) EXPECT_EQ(message.destination, "t-" + message.event->id.to_string());
}

TEST(Mapping, KeepsANullKeyNull) {
  const auto message = mapping_of(settings_with("t")).map(event_without_key());
  ASSERT_TRUE(message.has_value());
  EXPECT_FALSE(message->key.has_value());
}

TEST(Mapping, GivesAConstantKeyToEveryEvent) {
  const RouteSettings settings = settings_with("t", "one");
  Mapping mapping = mapping_of(settings);
  EXPECT_EQ(mapping.map(event_without_key())->key, "one");
}

TEST(Mapping, RejectsAnEventWhoseDestinationWouldBeEmpty) {
  Mapping mapping = mapping_of(settings_with("t.{key}"));
  const auto message = mapping.map(event_without_key());
  ASSERT_FALSE(message.has_value());
  EXPECT_EQ(&message.error().code(), &codes::kRelayMappingEmpty);
  EXPECT_NE(message.error().message().find("{key}"), std::string::npos);
}

TEST(Mapping, AddsTheHeadersOfTheRoute) {
  RouteSettings settings = settings_with("t");
  settings.headers = {{"kind", "{type}"}, {"origin", "shop"}};
  Mapping mapping = mapping_of(settings);
  const auto message = mapping.map(tests::counted_event("7", 1));
  ASSERT_EQ(message->headers.size(), 2U);
  EXPECT_EQ(message->headers[0].name, "kind");
  EXPECT_EQ(std::get<std::string_view>(message->headers[0].value), "counted");
  EXPECT_EQ(std::get<std::string_view>(message->headers[1].value), "shop");
}

TEST(Mapping, LetsTheWireProfileHaveTheLastWord) {
  struct Profile final : connectors::WireProfile {
    std::string_view name() const override { return "test"; }
    void encode(const Event& event, connectors::MessageBuilder& builder) const override {
      builder.header("id", builder.render(event.id));
      builder.message().body = event.data;
    }
  } profile;
  Mapping mapping = mapping_of(settings_with("t"), &profile);
  const auto message = mapping.map(tests::counted_event("7", 1));
  ASSERT_EQ(message->headers.size(), 1U);
  EXPECT_EQ(message->body, "1");
}

TEST(Mapping, RefusesATemplateThatDoesNotParse) {
  const auto mapping = Mapping::make(settings_with("{categry}"), nullptr);
  ASSERT_FALSE(mapping.has_value());
  EXPECT_EQ(&mapping.error().code(), &codes::kConfigInvalid);
}

}  // namespace
}  // namespace penstock::relay
