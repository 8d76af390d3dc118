#include "core/ids.h"

#include <algorithm>

#include "core/digest.h"

namespace penstock {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

constexpr std::uint8_t kNoDigit = 0xff;

constexpr auto kHexValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::uint8_t i = 0; i < 10; ++i) values['0' + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = static_cast<std::uint8_t>(10 + i);
  return values;
}();

constexpr std::size_t kHyphensAt[] = {8, 13, 18, 23};
// Where the two digits of each byte begin.
constexpr std::size_t kDigitsAt[] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

}  // namespace

const EventId kNamespaceUrl({0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30,
                             0xc8});

Result<EventId> EventId::parse(std::string_view text) {
  auto refuse = [] { return fail(codes::kInvalidEventId, "the id is not a UUID"); };
  if (text.size() != kTextLength) return refuse();
  for (const std::size_t at : kHyphensAt)
    if (text[at] != '-') return refuse();
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t seen = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint8_t high = kHexValues[static_cast<std::uint8_t>(text[kDigitsAt[i]])];
    const std::uint8_t low = kHexValues[static_cast<std::uint8_t>(text[kDigitsAt[i] + 1])];
    seen |= high | low;  // digits are below 16
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  if (seen == kNoDigit) return refuse();
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
