// Memory that runs out, in the program that short_memory.cc is linked into: it replaces operator new.
#pragma once

#include <cstdint>

namespace penstock::tests {

// While it lives, every other thread gets no memory from operator new.
class ShortMemory {
 public:
  ShortMemory();
  ~ShortMemory();
  ShortMemory(const ShortMemory&) = delete;
  ShortMemory& operator=(const ShortMemory&) = delete;

  // How often some was refused.
  std::uint64_t refusals() const;
};

}  // namespace penstock::tests
