#include "connectors/wal/lsn.h"

#include <charconv>

namespace penstock::wal {
namespace {

template <typename Number>
bool parse_whole(std::string_view text, Number& number, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

void append_hex(std::string& out, std::uint32_t number) {
  char digits[8];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, 16).ptr;
  for (const char* digit = digits; digit != end; ++digit)
    out += *digit >= 'a' ? static_cast<char>(*digit - 'a' + 'A') : *digit;
}

void append_lsn(std::string& out, Lsn lsn) {
  append_hex(out, static_cast<std::uint32_t>(lsn.value >> 32));
  out += '/';
  append_hex(out, static_cast<std::uint32_t>(lsn.value));
}

}  // namespace

std::string to_string(Lsn lsn) {
  std::string text;
  append_lsn(text, lsn);
  return text;
}

std::optional<Lsn> parse_lsn(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  std::uint32_t high = 0, low = 0;
  if (!parse_whole(text.substr(0, slash), high, 16) || !parse_whole(text.substr(slash + 1), low, 16))
    return std::nullopt;
  return Lsn{std::uint64_t{high} << 32 | low};
}

std::string to_string(const WalPosition& position) {
  std::string text;
  append_text(text, position);
  return text;
}

void append_text(std::string& out, const WalPosition& position) {
  append_lsn(out, position.commit_end);
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, position.index).ptr;
  out.append(1, ':').append(digits, end);
}

std::string to_string(const Progress& progress) {
  std::string text = to_string(progress.settled);
  if (progress.partial.index > 0) text.append(" ").append(to_string(progress.partial));
  return text;
}

std::optional<Progress> parse_progress(std::string_view text) {
  const auto blank = text.find(' ');
  const auto settled = parse_lsn(text.substr(0, blank));
  if (!settled) return std::nullopt;
  Progress progress{*settled, {}};
  if (blank == std::string_view::npos) return progress;
  const std::string_view partial = text.substr(blank + 1);
  const auto colon = partial.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto end = parse_lsn(partial.substr(0, colon));
  if (!end || !parse_whole(partial.substr(colon + 1), progress.partial.index, 10)) return std::nullopt;
  progress.partial.commit_end = *end;
  return progress;
}

}  // namespace penstock::wal
