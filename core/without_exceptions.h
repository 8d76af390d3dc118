// A part of the program that throws has a defect, or a third party behind it has: it ends what the part did, and
// nothing else.
#pragma once

#include <exception>
#include <string_view>

#include "core/error.h"

namespace penstock {

// core.internal, with what was thrown. `part`: "the source".
Error unforeseen(std::string_view part, const std::exception& defect);

// Act answers a Result.
template <typename Act>
auto without_exceptions(std::string_view part, const Act& act) -> decltype(act()) {
  try {
    return act();
  } catch (const std::exception& defect) {
    return fail(unforeseen(part, defect));
  }
}

}  // namespace penstock
