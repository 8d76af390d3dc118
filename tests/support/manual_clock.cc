#include "tests/support/manual_clock.h"

namespace penstock::tests {

ManualClock::ManualClock()
    : wall_(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)), steady_(std::chrono::hours(1000)) {}

Timestamp ManualClock::wall_now() const {
  std::lock_guard lock(mutex_);
  return wall_;
}

SteadyTime ManualClock::now() const {
  std::lock_guard lock(mutex_);
  return steady_;
}

void ManualClock::advance(Duration by) {
  std::lock_guard lock(mutex_);
  wall_ += std::chrono::floor<std::chrono::microseconds>(by);
  steady_ += by;
}

void ManualClock::jump_wall(std::chrono::microseconds by) {
  std::lock_guard lock(mutex_);
  wall_ += by;
}

}  // namespace penstock::tests
