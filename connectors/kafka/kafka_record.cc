#include "connectors/kafka/kafka_record.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>

namespace penstock::kafka {
namespace {

// librdkafka takes null for "no key" and "no value", so emptiness needs an address.
const void* address_of(std::string_view bytes) { return bytes.data() == nullptr ? "" : bytes.data(); }

void add(rd_kafka_headers_t* headers, std::string_view name, std::string_view value) {
  rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), address_of(value),
                      static_cast<ssize_t>(value.size()));
}

void add(rd_kafka_headers_t* headers, const connectors::Header& header) {
  if (const auto* text = std::get_if<std::string_view>(&header.value)) {
    add(headers, header.name, *text);
  } else if (const auto* number = std::get_if<std::int64_t>(&header.value)) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, *number).ptr;
    add(headers, header.name, {digits, static_cast<std::size_t>(end - digits)});
  } else {
    add(headers, header.name, std::get<bool>(header.value) ? "true" : "false");
  }
}

}  // namespace

RecordParts parts_of(const connectors::Message& message) {
  RecordParts parts{};
  if (message.key) {
    parts.key = address_of(*message.key);
    parts.key_bytes = message.key->size();
  }
  if (message.body) {
    parts.value = address_of(*message.body);
    parts.value_bytes = message.body->size();
  }
  if (const auto& occurred_at = message.event->occurred_at) {
    const auto since_1970 = std::chrono::floor<std::chrono::milliseconds>(*occurred_at).time_since_epoch().count();
    // 0 would mean the client's time, which differs between duplicates; below it lies nothing legal.
    parts.timestamp_ms = std::max<std::int64_t>(since_1970, 1);
  }
  return parts;
}

Headers headers_of(const connectors::Message& message) {
  Headers headers(rd_kafka_headers_new(message.headers.size()));
  for (const connectors::Header& header : message.headers) add(headers.get(), header);
  return headers;
}

}  // namespace penstock::kafka
