// How a route talks to the thread that keeps the leases.
#pragma once

#include <variant>

#include "core/clock.h"
#include "core/error.h"
#include "core/lease.h"

namespace penstock::relay {

// `trusted_until` = store::kLeaseTrust after the call that took or renewed it was sent.
struct LeaseTaken {
  Lease lease;
  SteadyTime trusted_until;
};
struct LeaseRefused {
  Error error;
};
struct LeaseRenewed {
  Epoch epoch;
  SteadyTime trusted_until;
};
// It is tried again; the trust ends by itself if it goes on like that.
struct LeaseNotRenewed {
  Epoch epoch;
  Error error;
};
struct LeaseLost {
  Epoch epoch;
  Error error;
};
// Given back, or tried in vain: then it expires by itself.
struct LeaseReleased {};

using LeaseNews = std::variant<LeaseTaken, LeaseRefused, LeaseRenewed, LeaseNotRenewed, LeaseLost, LeaseReleased>;

class LeasePort {
 public:
  virtual ~LeasePort() = default;
  // One try; answered by LeaseTaken or LeaseRefused. From then on it is renewed each second, until it
  // is lost, released or asked for again. Never waits.
  virtual void take() = 0;
  // Answered by LeaseReleased. Never waits.
  virtual void release(const Lease& lease) = 0;
};

}  // namespace penstock::relay
