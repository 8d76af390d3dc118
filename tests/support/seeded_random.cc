#include "tests/support/seeded_random.h"

#include <cstdlib>
#include <iostream>
#include <string>

namespace penstock::tests {

std::uint64_t seed_of_this_run() {
  static const std::uint64_t seed = [] {
    const char* given = std::getenv("PENSTOCK_SEED");
    const std::uint64_t chosen = given != nullptr ? std::stoull(given) : std::random_device{}();
    std::cout << "seed " << chosen << " (repeat with PENSTOCK_SEED=" << chosen << ")\n";
    return chosen;
  }();
  return seed;
}

}  // namespace penstock::tests
