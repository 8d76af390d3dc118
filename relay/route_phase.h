// The phases of a route, as `penstock status` shows them.
#pragma once

#include <string_view>

namespace penstock::relay {

enum class RoutePhase {
  kStarting,  // taking the lease, opening source and sink
  kStandby,   // another instance holds the lease or the table
  kRunning,
  kBackingOff,  // the source, the sink or the store is away; goes on by itself
  kBlocked,     // the sink asks to wait (alarm, full); goes on by itself
  kDraining,    // stopping: nothing is read any more, what is in flight is settled
  kStopped,     // by an operator, or drained at the end
  kFailed,      // on_reject = "stop" met a rejection, or an invariant broke; keeps its lease until
                // restart, so that no other instance runs into the same
};

inline constexpr RoutePhase kAllRoutePhases[] = {RoutePhase::kStarting,   RoutePhase::kStandby, RoutePhase::kRunning,
                                                 RoutePhase::kBackingOff, RoutePhase::kBlocked, RoutePhase::kDraining,
                                                 RoutePhase::kStopped,    RoutePhase::kFailed};

std::string_view to_string(RoutePhase phase);

}  // namespace penstock::relay
