#include <gtest/gtest.h>

#include <algorithm>

#include "connectors/rabbitmq/native_wire.h"
#include "connectors/rabbitmq/rabbitmq_properties.h"
#include "tests/contract/wire/golden.h"

namespace penstock::tests {
namespace {

std::string typed(const amqp_field_value_t& value) {
  switch (value.kind) {
    case AMQP_FIELD_KIND_UTF8: return "string " + readable(rabbitmq::text_of(value.value.bytes));
    case AMQP_FIELD_KIND_I64: return "int64 " + std::to_string(value.value.i64);
    case AMQP_FIELD_KIND_BOOLEAN: return std::string("boolean ") + (value.value.boolean ? "true" : "false");
    default: return "(another type)";
  }
}

// Properties, header table and body as they are encoded.
std::string text_of(const connectors::Message& message) {
  rabbitmq::MessageProperties properties;
  EXPECT_TRUE(properties.fill(message));
  const amqp_basic_properties_t& filled = properties.get();
  std::string text = "message_id    " + readable(rabbitmq::text_of(filled.message_id)) + "\n";
  text += "type          " + readable(rabbitmq::text_of(filled.type)) + "\n";
  text += "content_type  " + readable(rabbitmq::text_of(filled.content_type)) + "\n";
  if ((filled._flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0)
    text += "timestamp     " + std::to_string(filled.timestamp) + "\n";
  text += "delivery_mode " + std::to_string(filled.delivery_mode) + "\n";
  for (int i = 0; i < filled.headers.num_entries; ++i) {
    const amqp_table_entry_t& header = filled.headers.entries[i];
    text += "header        " + std::string(rabbitmq::text_of(header.key)) + ": " + typed(header.value) + "\n";
  }
  return text + "body          " + readable(message.body.value_or("")) + "\n";
}

class RabbitNativeWire : public testing::TestWithParam<GoldenEvent> {};

TEST_P(RabbitNativeWire, IsWhatTheGoldenFileSays) {
  const auto& [name, event] = GetParam();
  connectors::MessageBuilder builder(event);
  builder.message().key = event->key;
  rabbitmq::native_wire().encode(*event, builder);
  expect_golden("rabbitmq-native-" + name + ".txt", text_of(std::move(builder).finish()));
}

INSTANTIATE_TEST_SUITE_P(Golden, RabbitNativeWire, testing::ValuesIn(golden_events()), [](const auto& golden) {
  std::string name = golden.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace penstock::tests
