#include "connectors/outbox/cursor_place.h"

#include <algorithm>
#include <charconv>

namespace penstock::outbox {
namespace {

constexpr std::string_view kXid = "xid ", kSeen = " seen ";
constexpr std::size_t kLongestWitness = 80;  // bytes of its id

// More settled numbers between two that are not are forgotten, which makes duplicates and nothing else.
constexpr std::size_t kMostRanges = 16'384;

std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace

std::string words_of(std::span<const NumberRange> unsettled, const std::optional<Witness>& witness) {
  std::string words;
  for (std::size_t i = 0; i < unsettled.size(); ++i) {
    NumberRange range = unsettled[i];
    if (i + 1 == kMostRanges) range.last = kHighestNumber;
    if (i > 0) words += ',';
    if (range.first != kLowestNumber) words += std::to_string(range.first);
    if (range.last == kHighestNumber)
      words += "..";
    else if (range.last != range.first)
      words.append("..").append(std::to_string(range.last));
    if (i + 1 == kMostRanges) break;
  }
  if (witness) words.append(kSeen).append(std::to_string(witness->number)).append(" ").append(witness->id);
  return words;
}

std::string words_of(const XidPlace& place) {
  return std::string(kXid) + std::to_string(place.xid) + ":" + std::to_string(place.number);
}

std::optional<Witness> witness_of(std::int64_t number, std::string_view id) {
  const bool printable = std::ranges::all_of(id, [](char c) { return c > ' ' && c < '\x7f'; });
  if (id.empty() || id.size() > kLongestWitness || !printable) return std::nullopt;
  return Witness{number, std::string(id)};
}

std::optional<Witness> parse_witness(std::string_view words) {
  const std::size_t seen = words.find(kSeen);
  if (seen == std::string_view::npos) return std::nullopt;
  words.remove_prefix(seen + kSeen.size());
  const auto number = take_number(words);
  if (!number || !take(words, " ")) return std::nullopt;
  return witness_of(*number, words);
}

std::optional<std::vector<NumberRange>> parse_ranges(std::string_view words) {
  words = words.substr(0, words.find(kSeen));
  std::vector<NumberRange> ranges;
  do {
    NumberRange range{kLowestNumber, kHighestNumber};
    const auto first = take_number(words);
    if (first) range.first = range.last = *first;
    if (take(words, ".."))
      range.last = take_number(words).value_or(kHighestNumber);
    else if (!first)
      return std::nullopt;
    const bool ascending = ranges.empty() || ranges.back().last < range.first;
    if (!ascending || range.last < range.first) return std::nullopt;
    ranges.push_back(range);
  } while (take(words, ","));
  if (!words.empty() || ranges.back().last != kHighestNumber) return std::nullopt;
  return ranges;
}

std::optional<XidPlace> parse_xid_place(std::string_view words) {
  if (!take(words, kXid)) return std::nullopt;
  const auto xid = take_number(words);
  if (!xid || !take(words, ":")) return std::nullopt;
  const auto number = take_number(words);
  if (!number || !words.empty()) return std::nullopt;
  return XidPlace{*xid, *number};
}

}  // namespace penstock::outbox
