#include "connectors/rabbitmq/rabbitmq_inspect.h"

#include <gtest/gtest.h>

#include "connectors/rabbitmq/publisher.h"

namespace penstock::rabbitmq {
namespace {

constexpr std::string_view kObjection =
    "asking: the broker says \"PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'events' in vhost '/': "
    "received 'headers' but current is 'topic'\" (406)";

TEST(RabbitInspect, ReadsTheTypeOutOfAnObjection) { EXPECT_EQ(current_attribute(kObjection, "type"), "topic"); }

TEST(RabbitInspect, ReadsNothingOutOfAnObjectionToSomethingElse) {
  EXPECT_EQ(current_attribute(kObjection, "durable"), "");
  EXPECT_EQ(current_attribute("", "type"), "");
  EXPECT_EQ(current_attribute("inequivalent arg 'type'", "type"), "");
}

TEST(BodyLimit, IsReadOutOfTheBrokersRefusal) {
  EXPECT_EQ(find_body_limit("PRECONDITION_FAILED - message size 3000 is larger than configured max size 2000"), 2'000U);
  EXPECT_EQ(find_body_limit("PRECONDITION_FAILED - message size 3000 is larger than configured max size "),
            std::nullopt);
  EXPECT_EQ(find_body_limit("PRECONDITION_FAILED - something else"), std::nullopt);
}

}  // namespace
}  // namespace penstock::rabbitmq
