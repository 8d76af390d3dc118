#include "tests/contract/wire/golden.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>

#include "core/json_text.h"

namespace penstock::tests {
namespace {

const std::string kFolder = PENSTOCK_GOLDEN_FOLDER;

// 2026-02-03T04:05:06.789012Z
constexpr Timestamp kOccurred{std::chrono::microseconds(1'770'091'506'789'012)};

Event stored_event() {
  Event event;
  event.id = *EventId::parse("0194e7a5-3b5c-7def-8123-456789abcdef");
  event.stream = "order-7f3a";
  event.category = "order";
  event.type = "OrderPlaced";
  event.key = "7f3a";
  event.data = R"({"total": 1.10, "note": "Grüße"})";
  event.occurred_at = kOccurred;
  event.recorded_at = kOccurred + std::chrono::microseconds(5);
  event.version = Version{0};
  event.position = Position{42};
  return event;
}

EventRef with(const std::function<void(Event&)>& change) {
  Event event = stored_event();
  change(event);
  return make_event(event);
}

}  // namespace

void expect_golden(std::string_view file, const std::string& text) {
  const std::string path = kFolder + "/" + std::string(file);
  if (std::getenv("PENSTOCK_TEST_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in) << "no golden file " << path;
  std::ostringstream golden;
  golden << in.rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

std::string readable(std::string_view bytes) {
  static constexpr char kHexDigits[] = "0123456789abcdef";
  std::string text;
  if (is_utf8_text(bytes)) {
    append_json_string(text, bytes);
    return text;
  }
  text = "hex";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.append(1, ' ').append(1, kHexDigits[byte >> 4]).append(1, kHexDigits[byte & 0x0f]);
  }
  return text;
}

std::vector<GoldenEvent> golden_events() {
  return {
      {"stored", with([](Event&) {})},
      {"binary", with([](Event& event) {
         event.content_type = "application/octet-stream";
         event.data = std::string_view("\0\x01\xff\xfe", 4);
       })},
      {"no-data", with([](Event& event) { event.data.reset(); })},
      {"empty-data", with([](Event& event) { event.data = ""; })},
      {"metadata", with([](Event& event) {
         event.metadata =
             R"({"tenant": "blue", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",)"
             R"( "tracestate": "a=1", "correlation-id": "c-1", "causation-id": "0194e7a5-0000-7000-8000-000000000001"})";
       })},
      {"from-outbox", with([](Event& event) {
         event.version.reset();
         event.position.reset();
         event.recorded_at.reset();
         event.source_position = "1017";
       })},
      {"from-outbox-undated", with([](Event& event) {
         event.version.reset();
         event.position.reset();
         event.recorded_at.reset();
         event.occurred_at.reset();
         event.source_position = "1018";
         event.key.reset();
       })},
  };
}

}  // namespace penstock::tests
