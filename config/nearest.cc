#include "config/nearest.h"

#include <algorithm>
#include <cctype>

namespace penstock::config {
namespace {

char folded(char letter) {
  if (letter == '-') return '_';
  return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
}

// Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t same = folded(a[i - 1]) == folded(b[j - 1]) ? 0 : 1;
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + same});
      const bool swapped =
          i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]);
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view typed, std::span<const std::string_view> known) {
  constexpr std::size_t kLongestName = 128;
  if (typed.empty() || typed.size() > kLongestName) return {};
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(1, typed.size() / 3) + 1;
  for (const std::string_view name : known) {
    const std::size_t away = distance(typed, name);
    if (away < least) {
      least = away;
      nearest = name;
    }
  }
  return nearest;
}

std::string expectation(std::string_view typed, std::span<const std::string_view> known) {
  if (known.empty()) return "(none is known)";
  std::string text = known.size() == 1 ? "(expected " : "(expected one of ";
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (i > 0) text += ", ";
    text += known[i];
  }
  if (const auto near = nearest_name(typed, known); !near.empty()) {
    text.append("; did you mean `").append(near).append("`?");
  }
  return text += ")";
}

}  // namespace penstock::config
