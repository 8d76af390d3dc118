#include "connectors/outbox/cursor_place.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/ids.h"

namespace penstock::outbox {
namespace {

constexpr std::string_view kXid = "xid ", kSeen = " seen", kGap = " gap ";
constexpr std::string_view kGapWord = "gap";  // as an id it would be taken for the word
constexpr std::size_t kLongestWitness = 80;   // bytes of its id
constexpr std::size_t kMostWitnesses = 20;
// Of the distances of a witness and the one after the next.
constexpr std::uint64_t kSpread = 16;

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

std::string_view without_evidence(std::string_view words) {
  return words.substr(0, std::min(words.find(kSeen), words.find(kGap)));
}

std::string words_of(const Evidence& evidence) {
  std::string words;
  if (!evidence.witnesses.empty()) words += kSeen;
  for (const Witness& witness : evidence.witnesses)
    words.append(" ").append(std::to_string(witness.number)).append(" ").append(witness.id);
  if (evidence.passed_gap != 0) words.append(kGap).append(std::to_string(evidence.passed_gap));
  return words;
}

// The numbers may lie further apart than one of their kind can tell.
std::uint64_t distance(std::int64_t high, std::int64_t low) {
  return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
}

}  // namespace

std::string words_of(std::span<const NumberRange> unsettled, const Evidence& evidence) {
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
  return words + words_of(evidence);
}

std::string words_of(const XidPlace& place, const Evidence& evidence) {
  return std::string(kXid) + std::to_string(place.xid) + ":" + std::to_string(place.number) + words_of(evidence);
}

std::optional<Witness> witness_of(std::int64_t number, std::string_view id) {
  if (id.empty() || id == std::to_string(number)) return std::nullopt;
  const bool printable = std::ranges::all_of(id, [](char c) { return c > ' ' && c < '\x7f'; });
  if (printable && id != kGapWord && id.size() <= kLongestWitness) return Witness{number, std::string(id)};
  return Witness{number, EventId::from_name(kNamespaceUrl, "penstock:witness:" + std::string(id)).to_string()};
}

void add_witness(std::vector<Witness>& witnesses, Witness witness) {
  if (!witnesses.empty() && witnesses.front().number >= witness.number) return;
  const std::int64_t highest = witness.number;
  witnesses.insert(witnesses.begin(), std::move(witness));
  for (std::size_t i = 1; i + 1 < witnesses.size();) {
    const std::uint64_t before = std::max<std::uint64_t>(distance(highest, witnesses[i - 1].number), 1);
    if (distance(highest, witnesses[i + 1].number) / before <= kSpread)
      witnesses.erase(witnesses.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
  if (witnesses.size() > kMostWitnesses) witnesses.resize(kMostWitnesses);
}

Evidence parse_evidence(std::string_view words) {
  Evidence evidence;
  if (const std::size_t gap = words.find(kGap); gap != std::string_view::npos) {
    std::string_view number = words.substr(gap + kGap.size());
    evidence.passed_gap = take_number(number).value_or(0);
    words = words.substr(0, gap);
  }
  const std::size_t seen = words.find(kSeen);
  if (seen == std::string_view::npos) return evidence;
  words.remove_prefix(seen + kSeen.size());
  while (take(words, " ")) {
    const auto number = take_number(words);
    if (!number || !take(words, " ")) break;
    const std::string_view id = words.substr(0, words.find(' '));
    words.remove_prefix(id.size());
    if (auto witness = witness_of(*number, id)) evidence.witnesses.push_back(*std::move(witness));
  }
  return evidence;
}

std::optional<std::vector<NumberRange>> parse_ranges(std::string_view words) {
  words = without_evidence(words);
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
  words = without_evidence(words);
  if (!take(words, kXid)) return std::nullopt;
  const auto xid = take_number(words);
  if (!xid || !take(words, ":")) return std::nullopt;
  const auto number = take_number(words);
  if (!number || !words.empty()) return std::nullopt;
  return XidPlace{*xid, *number};
}

}  // namespace penstock::outbox
