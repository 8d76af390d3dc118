// INVARIANT(condition, "why it must hold"): stays on in release, because a relay with a wrong
// checkpoint is worse than a stopped one. Throws BrokenInvariant, which the route's thread and main
// catch. Never used on external input.
#pragma once

#include <stdexcept>

namespace penstock {

class BrokenInvariant : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void break_invariant(const char* condition, const char* why, const char* file, int line);

}  // namespace penstock

#define INVARIANT(condition, why)                                       \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::penstock::break_invariant(#condition, why, __FILE__, __LINE__); \
  } while (false)
