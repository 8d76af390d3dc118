// How much memory this process has needed, for tests of what is bounded. Linux only.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace penstock::tests {

inline std::size_t peak_memory_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (std::size_t amount = 0; word == "VmHWM:" && status >> amount) return amount;
  return 0;
}

// What was needed up to here counts no more.
inline void forget_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace penstock::tests
