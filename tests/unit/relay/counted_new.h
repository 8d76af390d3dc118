// Counts allocations of the program that counted_new.cc is linked into: it replaces operator new.
#pragma once

#include <cstdint>

namespace penstock::tests {

std::uint64_t allocations_so_far();

}  // namespace penstock::tests
