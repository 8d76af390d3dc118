#include "connectors/rabbitmq/return_reader.h"

#include <gtest/gtest.h>

#include "connectors/rabbitmq/rabbitmq_properties.h"

namespace penstock::rabbitmq {
namespace {

class ReturnReaderTest : public ::testing::Test {
 protected:
  void begin() {
    amqp_basic_return_t method{};
    method.reply_code = 312;
    method.reply_text = amqp_cstring_bytes("NO_ROUTE");
    method.exchange = amqp_cstring_bytes("events");
    method.routing_key = amqp_cstring_bytes("k");
    reader_.begin(method);
  }
  std::optional<ReturnedMessage> header(std::uint64_t body_size) {
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = amqp_cstring_bytes("the-id");
    amqp_frame_t frame{};
    frame.frame_type = AMQP_FRAME_HEADER;
    frame.payload.properties.body_size = body_size;
    frame.payload.properties.decoded = &properties;
    return reader_.content(frame);
  }
  std::optional<ReturnedMessage> body(std::size_t bytes) {
    amqp_frame_t frame{};
    frame.frame_type = AMQP_FRAME_BODY;
    frame.payload.body_fragment.len = bytes;
    return reader_.content(frame);
  }

  ReturnReader reader_;
};

TEST_F(ReturnReaderTest, IsCompleteWithTheHeaderOfAnEmptyBody) {
  begin();
  const auto returned = header(0);
  ASSERT_TRUE(returned);
  EXPECT_EQ(returned->message_id, "the-id");
  EXPECT_EQ(returned->exchange, "events");
  EXPECT_EQ(returned->routing_key, "k");
  EXPECT_EQ(returned->reply_code, 312);
}

TEST_F(ReturnReaderTest, PassesOverBodiesUntilTheLast) {
  begin();
  EXPECT_FALSE(header(30));
  EXPECT_FALSE(body(20));
  EXPECT_TRUE(body(10));
}

TEST_F(ReturnReaderTest, IgnoresContentThatNothingAnnounced) {
  EXPECT_FALSE(header(0));
  EXPECT_FALSE(body(10));
}

}  // namespace
}  // namespace penstock::rabbitmq
