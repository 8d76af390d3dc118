#include "core/invariant.h"

#include <string>

namespace penstock {

void break_invariant(const char* condition, const char* why, const char* file, int line) {
  throw BrokenInvariant(std::string("broken invariant: ") + why + " (" + condition + ", " + file + ":" +
                        std::to_string(line) + ")");
}

}  // namespace penstock
