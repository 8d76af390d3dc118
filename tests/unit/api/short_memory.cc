#include "tests/unit/api/short_memory.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<bool> is_short = false;
std::atomic<std::uint64_t> refused = 0;
thread_local bool is_spared = false;

}  // namespace

void* operator new(std::size_t size) {
  if (is_short.load() && !is_spared) {
    refused.fetch_add(1);
    throw std::bad_alloc();
  }
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace penstock::tests {

ShortMemory::ShortMemory() {
  is_spared = true;
  refused = 0;
  is_short = true;
}

ShortMemory::~ShortMemory() { is_short = false; }

std::uint64_t ShortMemory::refusals() const { return refused.load(); }

}  // namespace penstock::tests
