// What is wrong in a configuration, and where. All problems of a file are gathered before any is said.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/section.h"

namespace penstock::config {

struct Problem {
  enum class Severity { kError, kWarning };
  Severity severity = Severity::kError;
  Place place;  // "penstock.toml:12:9", or "environment variable PENSTOCK_LOG__LEVEL"
  std::string message;
};

// "penstock.toml:12:9: message", with "warning: " before the message of a warning.
std::string to_string(const Problem& problem);

// A place in a file, taken apart; line 0 where the place is no line of a file.
struct PlaceParts {
  std::string_view file;
  unsigned line = 0;
  unsigned column = 0;
};
PlaceParts split_place(std::string_view place);

// Gathers problems. Single-threaded.
class Problems {
 public:
  void error(Place place, std::string message);
  void warning(Place place, std::string message);
  bool has_errors() const;
  // In the order of their places: lines of the file first, then the rest as it was found.
  std::vector<Problem> take_sorted() &&;

 private:
  std::vector<Problem> problems_;
};

bool has_errors(std::span<const Problem> problems);

}  // namespace penstock::config
