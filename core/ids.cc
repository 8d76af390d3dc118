#include "core/ids.h"

#include <algorithm>

#include "core/digest.h"

namespace penstock {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool hyphen_stands_at(std::size_t index) { return index == 8 || index == 13 || index == 18 || index == 23; }

}  // namespace

const EventId kNamespaceUrl({0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30,
                             0xc8});

Result<EventId> EventId::parse(std::string_view text) {
  auto refuse = [] { return fail(codes::kInvalidEventId, "the id is not a UUID"); };
  if (text.size() != kTextLength) return refuse();
  std::array<std::uint8_t, 16> bytes{};
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (hyphen_stands_at(i)) {
      if (text[i] != '-') return refuse();
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return refuse();
    auto& byte = bytes[nibble / 2];
    byte = static_cast<std::uint8_t>((byte << 4) | value);
    ++nibble;
  }
  return EventId(bytes);
}

EventId EventId::from_name(const EventId& name_space, std::string_view name) {
  std::string input(reinterpret_cast<const char*>(name_space.bytes().data()), 16);
  input.append(name);
  const auto digest = sha1(input);
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x50);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  return EventId(bytes);
}

void EventId::write_text(char* out) const {
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = kHexDigits[bytes_[i] >> 4];
    *out++ = kHexDigits[bytes_[i] & 0x0f];
  }
}

std::string EventId::to_string() const {
  std::string text(kTextLength, '\0');
  write_text(text.data());
  return text;
}

}  // namespace penstock
