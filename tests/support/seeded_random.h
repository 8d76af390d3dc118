// Randomness that a test can repeat: the seed is PENSTOCK_SEED or fresh, and is printed when a test
// that used it fails.
#pragma once

#include <mutex>
#include <random>

#include "core/random.h"

namespace penstock::tests {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override {
    std::lock_guard lock(mutex_);
    return engine_();
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

// PENSTOCK_SEED if set, else fresh.
std::uint64_t seed_of_this_run();

}  // namespace penstock::tests
