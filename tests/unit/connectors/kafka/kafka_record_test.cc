#include "connectors/kafka/kafka_record.h"

#include <gtest/gtest.h>

namespace penstock::kafka {
namespace {

EventRef event_at(std::optional<std::int64_t> microseconds) {
  Event event;
  event.stream = "order-7";
  event.category = "order";
  event.type = "OrderPlaced";
  if (microseconds) event.occurred_at = Timestamp(std::chrono::microseconds(*microseconds));
  return make_event(event);
}

connectors::Message message(std::optional<std::string_view> key, std::optional<std::string_view> body) {
  connectors::MessageBuilder builder(event_at(0));
  builder.message().key = key;
  builder.message().body = body;
  return std::move(builder).finish();
}

std::string header_text(const Headers& headers, const char* name) {
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_header_get_last(headers.get(), name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) return "?";
  return {static_cast<const char*>(value), size};
}

TEST(KafkaRecord, TellsNoKeyAndNoValueFromEmptyOnes) {
  EXPECT_EQ(parts_of(message(std::nullopt, std::nullopt)).key, nullptr);
  EXPECT_EQ(parts_of(message(std::nullopt, std::nullopt)).value, nullptr);
  EXPECT_NE(parts_of(message(std::string_view(), std::string_view())).key, nullptr);
  EXPECT_NE(parts_of(message(std::string_view(), std::string_view())).value, nullptr);
}

TEST(KafkaRecord, SendsTheBodyFromWhereItIs) {
  const std::string body = "{}";
  EXPECT_EQ(parts_of(message("7", body)).value, body.data());
}

TEST(KafkaRecord, IsDatedByTheEventInWholeMilliseconds) {
  connectors::MessageBuilder builder(event_at(1'770'091'445'123'999));
  EXPECT_EQ(parts_of(std::move(builder).finish()).timestamp_ms, 1'770'091'445'123);
}

TEST(KafkaRecord, LeavesTheDateToTheClientWhenTheEventHasNone) {
  connectors::MessageBuilder builder(event_at(std::nullopt));
  EXPECT_EQ(parts_of(std::move(builder).finish()).timestamp_ms, 0);
}

// 0 would be the client's time, which differs between duplicates.
TEST(KafkaRecord, GivesAnOldEventTheSmallestDateThatIsOne) {
  for (const std::int64_t old : {0LL, -1LL, -1'000'000'000'000LL}) {
    connectors::MessageBuilder builder(event_at(old));
    EXPECT_EQ(parts_of(std::move(builder).finish()).timestamp_ms, 1);
  }
}

TEST(KafkaRecord, WritesNumbersAndTruthValuesAsText) {
  connectors::MessageBuilder builder(event_at(0));
  builder.header("text", "Grüße");
  builder.header("number", std::int64_t{-42});
  builder.header("truth", true);
  builder.header("empty", "");
  const Headers headers = headers_of(std::move(builder).finish());
  EXPECT_EQ(header_text(headers, "text"), "Grüße");
  EXPECT_EQ(header_text(headers, "number"), "-42");
  EXPECT_EQ(header_text(headers, "truth"), "true");
  EXPECT_EQ(header_text(headers, "empty"), "");
}

}  // namespace
}  // namespace penstock::kafka
