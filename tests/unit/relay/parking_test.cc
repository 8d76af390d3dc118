#include "relay/parking.h"

#include <gtest/gtest.h>

#include "tests/support/memory_source.h"

namespace penstock::relay {
namespace {

const Parking::Names kNames{"orders-out", "store"};

TEST(ParkedRow, TellsAnEventWithItsPositionAndReason) {
  Delivery delivery;
  delivery.message.event = tests::counted_event("7", 3, Position{17});
  delivery.refusal = std::make_shared<const Error>(codes::kKafkaMessageTooLarge, "1,200,000 bytes are too many");
  const store::ParkedEvent row = parked_row_of(delivery, store::ParkedAs::kSkipped, kNames);
  EXPECT_EQ(row.as, store::ParkedAs::kSkipped);
  EXPECT_EQ(row.route, "orders-out");
  EXPECT_EQ(row.source, "store");
  EXPECT_EQ(row.source_key, "17");
  EXPECT_EQ(row.position, Position{17});
  EXPECT_EQ(row.event_id, delivery.message.event->id);
  EXPECT_EQ(row.code, "kafka.message_too_large");
  EXPECT_EQ(row.reason, "1,200,000 bytes are too many");
  EXPECT_NE(row.content.find("\"type\":\"counted\""), std::string::npos);
}

TEST(ParkedRow, NamesAnIngestedEventByItsOrderValue) {
  const EventRef counted = tests::counted_event("7", 3);
  Event event = *counted;
  event.source_position = "4711";
  Delivery delivery;
  delivery.message.event = make_event(event);
  const store::ParkedEvent row = parked_row_of(delivery, store::ParkedAs::kParked, kNames);
  EXPECT_EQ(row.source_key, "4711");
  EXPECT_FALSE(row.position.has_value());
}

TEST(ParkedRow, KeepsAMalformedRowAsItIs) {
  Delivery delivery;
  delivery.malformed = std::make_unique<connectors::MalformedRow>();
  delivery.malformed->source_key = "9";
  delivery.malformed->code = "outbox.row_too_large";
  delivery.malformed->reason = "2 MiB";
  delivery.malformed->content = R"({"seq":"9"})";
  delivery.malformed->kept = connectors::MalformedRow::Kept::kByReference;
  const store::ParkedEvent row = parked_row_of(delivery, store::ParkedAs::kParked, kNames);
  EXPECT_EQ(row.kept, store::ParkedEvent::Kept::kByReference);
  EXPECT_EQ(row.content, R"({"seq":"9"})");
  EXPECT_FALSE(row.event_id.has_value());
}

}  // namespace
}  // namespace penstock::relay
