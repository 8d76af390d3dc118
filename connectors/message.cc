#include "connectors/message.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace penstock::connectors {
namespace {

constexpr std::size_t kFixedCost = 512;   // what a queue spends on a message beside its bytes
constexpr std::size_t kFirstBlock = 160;  // an id, two numbers, a time and a short key

std::size_t header_bytes(const Header& header) {
  const auto* text = std::get_if<std::string_view>(&header.value);
  return header.name.size() + (text != nullptr ? text->size() : sizeof(std::int64_t));
}

}  // namespace

std::size_t Message::size_bytes() const {
  std::size_t sent = (key ? key->size() : 0) + (body ? body->size() : 0);
  for (const Header& header : headers) sent += header_bytes(header);
  return kFixedCost + std::max(sent, event ? event->size_bytes() : 0);
}

MessageBuilder::MessageBuilder(EventRef event) { message_.event = std::move(event); }

char* MessageBuilder::take(std::size_t bytes) {
  if (capacity_ - used_ < bytes) {
    // Views into the old block must stay valid, so it goes along.
    if (message_.text) message_.outgrown.push_back(std::move(message_.text));
    capacity_ = std::max(bytes, std::max(kFirstBlock, capacity_ * 2));
    message_.text = std::make_unique<char[]>(capacity_);
    used_ = 0;
  }
  char* start = message_.text.get() + used_;
  used_ += bytes;
  return start;
}

std::string_view MessageBuilder::keep(std::string_view text) {
  if (text.empty()) return "";
  char* start = take(text.size());
  std::memcpy(start, text.data(), text.size());
  return {start, text.size()};
}

std::string_view MessageBuilder::render(const EventId& id) {
  char* start = take(EventId::kTextLength);
  id.write_text(start);
  return {start, EventId::kTextLength};
}

std::string_view MessageBuilder::render(Timestamp time) {
  char* start = take(kTimestampTextLength);
  write_timestamp(time, start);
  return {start, kTimestampTextLength};
}

std::string_view MessageBuilder::render(std::int64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return keep({digits, static_cast<std::size_t>(end - digits)});
}

Message MessageBuilder::finish() && { return std::move(message_); }

}  // namespace penstock::connectors
