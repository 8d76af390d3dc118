// Proof of the right of one instance to drive a route; store/leases.h gives it out.
#pragma once

#include <string>

#include "core/ids.h"

namespace penstock {

// Handed to every guarded write. A value: it doesn't renew itself, and it can be out of date.
struct Lease {
  std::string name;   // "route/<name>"
  std::string owner;  // the instance, unique per process
  Epoch epoch;
};

}  // namespace penstock
