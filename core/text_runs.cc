#include "core/text_runs.h"

#include <cstdint>
#include <cstring>

namespace penstock {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101, kTopBits = 0x8080808080808080;

// Eight bytes at once. A special byte is always found; a borrow may also name one that is none.
bool may_hold_special(std::uint64_t word) {
  const std::uint64_t quotes = word ^ (kOnes * '"'), backslashes = word ^ (kOnes * '\\');
  return ((word | (word - kOnes * 0x20) | (quotes - kOnes) | (backslashes - kOnes)) & kTopBits) != 0;
}

bool is_special(char c) {
  const auto code = static_cast<unsigned char>(c);
  return code < 0x20 || code >= 0x80 || c == '"' || c == '\\';
}

}  // namespace

std::size_t find_special(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    std::size_t end = at + 1;
    if (std::uint64_t word = 0; text.size() - at >= sizeof word) {
      std::memcpy(&word, text.data() + at, sizeof word);
      end = at + sizeof word;
      if (!may_hold_special(word)) {
        at = end;
        continue;
      }
    }
    for (; at < end; ++at)
      if (is_special(text[at])) return at;
  }
  return at;
}

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto continues = [&](std::size_t i) { return at + i < text.size() && (byte(i) & 0xc0) == 0x80; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;
    if (lead == 0xed && byte(1) > 0x9f) return 0;
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xf0 && byte(1) < 0x90) return 0;
    if (lead == 0xf4 && byte(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

}  // namespace penstock
