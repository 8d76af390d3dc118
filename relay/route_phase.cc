#include "relay/route_phase.h"

namespace penstock::relay {

std::string_view to_string(RoutePhase phase) {
  switch (phase) {
    case RoutePhase::kStarting: return "starting";
    case RoutePhase::kStandby: return "standby";
    case RoutePhase::kRunning: return "running";
    case RoutePhase::kBackingOff: return "backing_off";
    case RoutePhase::kBlocked: return "blocked";
    case RoutePhase::kDraining: return "draining";
    case RoutePhase::kStopped: return "stopped";
    case RoutePhase::kFailed: return "failed";
  }
  return "";
}

}  // namespace penstock::relay
