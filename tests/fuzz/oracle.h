// What a fuzz target demands beyond "does not crash": ends the process where it does not hold.
#pragma once

#include <cstdlib>
#include <string_view>

namespace penstock::fuzz {

inline void demand(bool holds) {
  if (!holds) std::abort();
}

inline void demand_inside(std::string_view part, std::string_view whole) {
  demand(part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()));
}

}  // namespace penstock::fuzz
