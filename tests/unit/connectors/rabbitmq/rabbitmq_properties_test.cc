#include "connectors/rabbitmq/rabbitmq_properties.h"

#include <gtest/gtest.h>

#include "tests/unit/connectors/rabbitmq/message_for_tests.h"

namespace penstock::rabbitmq {
namespace {

TEST(MessageProperties, SayWhatConsumersExpect) {
  const auto message = message_of(stored_event());
  MessageProperties properties;
  ASSERT_TRUE(properties.fill(message));
  const amqp_basic_properties_t& filled = properties.get();
  EXPECT_EQ(text_of(filled.message_id), "00000000-0000-0000-0000-000000000007");
  EXPECT_EQ(text_of(filled.type), "OrderPlaced");
  EXPECT_EQ(text_of(filled.content_type), "application/json");
  EXPECT_EQ(filled.timestamp, 1'770'000'000U);
  EXPECT_EQ(filled.delivery_mode, 2);
  EXPECT_EQ(filled._flags, static_cast<amqp_flags_t>(AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG |
                                                     AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG |
                                                     AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_HEADERS_FLAG));
}

TEST(MessageProperties, TypeTheirHeaders) {
  const auto message = message_of(stored_event());
  MessageProperties properties;
  ASSERT_TRUE(properties.fill(message));
  std::string kinds;
  for (int i = 0; i < properties.get().headers.num_entries; ++i)
    kinds += static_cast<char>(properties.get().headers.entries[i].value.kind);
  EXPECT_EQ(kinds, "SSllS");
}

TEST(MessageProperties, LeaveATimeOutThatAmqpCanNotSay) {
  Event unknown = stored_event(), ancient = stored_event();
  unknown.occurred_at.reset();
  ancient.occurred_at = Timestamp(std::chrono::microseconds(-1));
  for (const Event& event : {unknown, ancient}) {
    const auto message = message_of(event);
    MessageProperties properties;
    ASSERT_TRUE(properties.fill(message));
    EXPECT_EQ(properties.get()._flags & AMQP_BASIC_TIMESTAMP_FLAG, 0U);
  }
}

TEST(MessageProperties, CanBeUsedAgainForALesserMessage) {
  const auto full = message_of(stored_event());
  Event small = stored_event();
  small.occurred_at.reset();
  small.version.reset();
  const auto lesser = message_of(small);
  MessageProperties reused, fresh;
  ASSERT_TRUE(reused.fill(full));
  ASSERT_TRUE(reused.fill(lesser));
  ASSERT_TRUE(fresh.fill(lesser));
  EXPECT_EQ(reused.get()._flags, fresh.get()._flags);
  EXPECT_EQ(reused.get().headers.num_entries, fresh.get().headers.num_entries);
  EXPECT_EQ(reused.encoded_bound(), fresh.encoded_bound());
}

TEST(MessageProperties, RefuseWhatAmqpCanNotCarry) {
  const std::string fits(255, 'x'), too_long(256, 'x');
  const auto try_with = [](auto change) {
    Event event = stored_event();
    auto message = message_of(event);
    change(message);
    return MessageProperties().fill(message);
  };
  const auto names = [&](const std::string& name) {
    return [&name](connectors::Message& message) { message.headers.push_back({name, std::string_view("v")}); };
  };
  const auto routes = [&](const std::string& key) { return [&key](auto& message) { message.routing_key = key; }; };
  const auto targets = [&](const std::string& key) { return [&key](auto& message) { message.destination = key; }; };
  EXPECT_TRUE(try_with(names(fits)));
  EXPECT_TRUE(try_with(routes(fits)));
  EXPECT_TRUE(try_with(targets(fits)));
  for (const Status& status : {try_with(names(too_long)), try_with(routes(too_long)), try_with(targets(too_long))}) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code().name, "rabbitmq.rejected");
    EXPECT_NE(status.error().message().find("256 bytes"), std::string::npos);
  }
}

TEST(MessageProperties, RefuseATypeThatIsTooLong) {
  const std::string too_long(256, 'x');
  Event event = stored_event();
  event.type = too_long;
  EXPECT_FALSE(MessageProperties().fill(message_of(event)));
  event = stored_event();
  event.content_type = too_long;
  EXPECT_FALSE(MessageProperties().fill(message_of(event)));
}

}  // namespace
}  // namespace penstock::rabbitmq
