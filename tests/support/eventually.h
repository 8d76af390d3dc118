// Waits for a condition that another thread brings about. For what can't be waited for by a condition
// variable of its own.
#pragma once

#include <chrono>
#include <thread>

#include "core/clock.h"

namespace penstock::tests {

// Whether it became true before the deadline.
template <typename Condition>
bool eventually(const Condition& condition, Deadline deadline = Deadline::in(std::chrono::seconds(20))) {
  while (!condition()) {
    if (deadline.expired()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace penstock::tests
