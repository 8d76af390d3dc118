#include "config/problem.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <tuple>

namespace penstock::config {
namespace {

// Takes ":<number>" off the end of `text`; 0 when there is none.
unsigned take_number(std::string_view& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return 0;
  unsigned number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return 0;
  text.remove_suffix(text.size() - colon);
  return number;
}

std::tuple<unsigned, unsigned> sort_key(const Problem& problem) {
  const PlaceParts parts = split_place(problem.place);
  constexpr auto kLast = std::numeric_limits<unsigned>::max();
  return {parts.line == 0 ? kLast : parts.line, parts.column};
}

}  // namespace

std::string to_string(const Problem& problem) {
  std::string text = problem.place;
  text += problem.severity == Problem::Severity::kWarning ? ": warning: " : ": ";
  return text += problem.message;
}

PlaceParts split_place(std::string_view place) {
  std::string_view rest = place;
  const unsigned column = take_number(rest);
  const unsigned line = column == 0 ? 0 : take_number(rest);
  if (line == 0) return {place, 0, 0};
  return {rest, line, column};
}

void Problems::error(Place place, std::string message) {
  problems_.push_back({Problem::Severity::kError, std::move(place), std::move(message)});
}

void Problems::warning(Place place, std::string message) {
  problems_.push_back({Problem::Severity::kWarning, std::move(place), std::move(message)});
}

bool Problems::has_errors() const { return config::has_errors(problems_); }

std::vector<Problem> Problems::take_sorted() && {
  std::ranges::stable_sort(problems_, {}, sort_key);
  return std::move(problems_);
}

bool has_errors(std::span<const Problem> problems) {
  return std::ranges::any_of(problems, [](const Problem& one) { return one.severity == Problem::Severity::kError; });
}

}  // namespace penstock::config
