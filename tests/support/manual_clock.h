// A clock that stands still until it is moved. Thread-safe.
#pragma once

#include <mutex>

#include "core/clock.h"

namespace penstock::tests {

class ManualClock final : public Clock {
 public:
  // Starts at 2026-01-01T00:00:00Z and an arbitrary steady time.
  ManualClock();
  Timestamp wall_now() const override;
  SteadyTime now() const override;

  // Moves both clocks.
  void advance(Duration by);
  // The wall clock jumps, the steady one doesn't.
  void jump_wall(std::chrono::microseconds by);

 private:
  mutable std::mutex mutex_;
  Timestamp wall_;
  SteadyTime steady_;
};

}  // namespace penstock::tests
