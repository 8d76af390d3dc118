#include <gtest/gtest.h>

#include <algorithm>

#include "connectors/kafka/kafka_record.h"
#include "connectors/kafka/native_wire.h"
#include "tests/contract/wire/golden.h"

namespace penstock::tests {
namespace {

std::string readable_or_null(const void* bytes, std::size_t size) {
  return bytes == nullptr ? "null" : readable({static_cast<const char*>(bytes), size});
}

// The record as the client library is given it.
std::string text_of(const connectors::Message& message) {
  const auto parts = kafka::parts_of(message);
  std::string text = "key       " + readable_or_null(parts.key, parts.key_bytes) + "\n";
  text += "timestamp " + (parts.timestamp_ms == 0 ? "the client's" : std::to_string(parts.timestamp_ms)) + "\n";
  const auto headers = kafka::headers_of(message);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers.get(), i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    text += "header    " + std::string(name) + ": " + readable_or_null(value, size) + "\n";
  }
  return text + "value     " + readable_or_null(parts.value, parts.value_bytes) + "\n";
}

class KafkaNativeWire : public testing::TestWithParam<GoldenEvent> {};

TEST_P(KafkaNativeWire, IsWhatTheGoldenFileSays) {
  const auto& [name, event] = GetParam();
  connectors::MessageBuilder builder(event);
  builder.message().key = event->key;
  kafka::native_wire().encode(*event, builder);
  expect_golden("kafka-native-" + name + ".txt", text_of(std::move(builder).finish()));
}

INSTANTIATE_TEST_SUITE_P(Golden, KafkaNativeWire, testing::ValuesIn(golden_events()), [](const auto& golden) {
  std::string name = golden.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace penstock::tests
