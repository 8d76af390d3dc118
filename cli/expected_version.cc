#include "cli/expected_version.h"

#include <charconv>

namespace penstock::cli {

std::optional<store::ExpectedVersion> parse_expected_version(std::string_view word) {
  if (word == "any") return store::AnyVersion{};
  if (word == "none") return store::NoStream{};
  if (word == "exists") return store::StreamExists{};
  std::int64_t number = 0;
  const char* end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, number);
  if (word.empty() || parsed.ec != std::errc() || parsed.ptr != end || number < 0) return std::nullopt;
  return Version{number};
}

}  // namespace penstock::cli
