#include "connectors/rabbitmq/frame_buffer.h"

#include <gtest/gtest.h>

#include "tests/unit/connectors/rabbitmq/message_for_tests.h"

namespace penstock::rabbitmq {
namespace {

using namespace std::string_literals;

std::string published(const connectors::Message& message, std::size_t frame_max = 131'072) {
  FrameBuffer out(frame_max);
  MessageProperties properties;
  EXPECT_TRUE(properties.fill(message));
  EXPECT_TRUE(out.add_publish(1, message, properties));
  return std::string(out.pending());
}

std::string frame(char type, const std::string& payload) {
  std::string bytes;
  bytes += type;
  bytes += "\0\1"s;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(payload.size() >> shift);
  return bytes + payload + "\xCE";
}

std::string short_text(const std::string& text) { return static_cast<char>(text.size()) + text; }
std::string long_text(const std::string& text) { return "\0\0\0"s + static_cast<char>(text.size()) + text; }

// The bytes on the wire, spelled out after the reference of AMQP 0-9-1: what consumers have to parse.
TEST(FrameBuffer, PublishesTheNativeFormByteForByte) {
  const std::string publish = "\x00\x3C\x00\x28"s + "\0\0"s + short_text("events") + short_text("order.OrderPlaced") +
                              "\x01";  // basic.publish, ticket 0, mandatory
  const std::string headers = short_text("stream") + "S" + long_text("order-42") +    //
                              short_text("key") + "S" + long_text("42") +             //
                              short_text("version") + "l" + "\0\0\0\0\0\0\0\x03"s +   //
                              short_text("position") + "l" + "\0\0\0\0\0\0\0\x11"s +  //
                              short_text("time") + "S" + long_text("2026-02-02T02:40:00.123456Z");
  const std::string properties = "\xB0\xE0"s +                     // which of them are there
                                 short_text("application/json") +  // content_type
                                 long_text(headers) +              //
                                 "\x02" +                          // delivery_mode
                                 short_text("00000000-0000-0000-0000-000000000007") +
                                 "\x00\x00\x00\x00\x69\x80\x0E\x80"s +  // timestamp
                                 short_text("OrderPlaced");
  const std::string header = "\x00\x3C\0\0"s + "\0\0\0\0\0\0\0\x07"s + properties;
  EXPECT_EQ(published(message_of(stored_event())), frame(1, publish) + frame(2, header) + frame(3, "{\"n\":1}"));
}

TEST(FrameBuffer, SendsNoBodyFrameForAnEmptyBody) {
  Event event = stored_event();
  event.data = "";
  const std::string bytes = published(message_of(event));
  EXPECT_EQ(bytes.find("\x03\0\1"s), std::string::npos);
}

TEST(FrameBuffer, SplitsABodyThatIsLargerThanAFrame) {
  const std::string data(10'000, 'd');
  Event event = stored_event();
  event.data = data;
  const std::string bytes = published(message_of(event), 4'096);
  const std::size_t room = 4'096 - 8;
  const auto full = frame(3, data.substr(0, room));
  EXPECT_TRUE(bytes.ends_with(full + full + frame(3, data.substr(2 * room))));
}

TEST(FrameBuffer, RefusesHeadersThatFillMoreThanAFrameAndAddsNothing) {
  const std::string large(5'000, 'h');
  auto message = message_of(stored_event());
  message.headers.push_back({"large", std::string_view(large)});
  FrameBuffer out(4'096);
  MessageProperties properties;
  ASSERT_TRUE(properties.fill(message));
  const Status added = out.add_publish(1, message, properties);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code().name, "rabbitmq.rejected");
  EXPECT_TRUE(out.empty());
}

TEST(FrameBuffer, KeepsWhatIsNotWrittenYetInOrder) {
  const auto message = message_of(stored_event());
  const std::string one = published(message);
  FrameBuffer out(131'072);
  MessageProperties properties;
  ASSERT_TRUE(properties.fill(message));
  std::string written;
  for (int i = 0; i < 3'000; ++i) {
    ASSERT_TRUE(out.add_publish(1, message, properties));
    written += out.pending().substr(0, 100);
    out.consume(100);
  }
  written += out.pending();
  ASSERT_EQ(written.size(), 3'000 * one.size());
  for (std::size_t i = 0; i < 3'000; ++i) ASSERT_EQ(written.compare(i * one.size(), one.size(), one), 0) << i;
}

TEST(FrameBuffer, GivesTheMemoryOfALargeMessageBackAndGoesOn) {
  const std::string data(3 << 20, 'd');
  Event event = stored_event();
  event.data = data;
  const auto large = message_of(event), small = message_of(stored_event());
  FrameBuffer out(131'072);
  MessageProperties properties;
  ASSERT_TRUE(properties.fill(large));
  ASSERT_TRUE(out.add_publish(1, large, properties));
  out.consume(out.pending().size());
  EXPECT_TRUE(out.empty());
  ASSERT_TRUE(properties.fill(small));
  ASSERT_TRUE(out.add_publish(1, small, properties));
  EXPECT_EQ(out.pending(), published(small));
}

TEST(FrameBuffer, AddsHeartbeats) {
  FrameBuffer out(131'072);
  out.add_heartbeat();
  EXPECT_EQ(out.pending(), "\x08\0\0\0\0\0\0\xCE"s);
}

TEST(FrameBuffer, AddsMethods) {
  FrameBuffer out(131'072);
  amqp_channel_open_t open{};
  out.add_method(2, AMQP_CHANNEL_OPEN_METHOD, &open);
  EXPECT_EQ(out.pending(), "\x01\0\x02\0\0\0\x05\0\x14\0\x0A\0\xCE"s);
}

}  // namespace
}  // namespace penstock::rabbitmq
