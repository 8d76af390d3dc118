// When to try again: exponential from min to max, with full jitter (anything between nothing and the
// bound), so that many routes that lost the same server don't come back in step.
//
// There is one policy a route, used alike for its lease, opening its source, its sink, sending a message again
// and parking.
#pragma once

#include <cstdint>

#include "core/clock.h"
#include "core/random.h"
#include "relay/route_settings.h"

namespace penstock::relay {

// Thread-safe if `random` is, which outlives it.
class RetryPolicy {
 public:
  RetryPolicy(RetrySettings settings, Random& random) : settings_(settings), random_(random) {}

  // Before the next try after `failures` failed ones (≥ 1).
  Duration delay_after(std::uint32_t failures) const;

 private:
  const RetrySettings settings_;
  Random& random_;
};

// One thing that is tried again and again. Single-threaded.
class BackOff {
 public:
  explicit BackOff(const RetryPolicy& policy) : policy_(policy) {}

  void failed(SteadyTime now) { until_ = now + policy_.delay_after(++failures_); }
  void succeeded() {
    failures_ = 0;
    until_ = {};
  }
  // Not before this; the past when nothing failed.
  SteadyTime until() const { return until_; }
  std::uint32_t failures() const { return failures_; }

 private:
  const RetryPolicy& policy_;
  std::uint32_t failures_ = 0;
  SteadyTime until_{};
};

}  // namespace penstock::relay
