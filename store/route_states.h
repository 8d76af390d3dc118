// What each running instance says of its routes, for `penstock status`. Advisory: nothing is decided
// by it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/ids.h"

namespace penstock::store {

inline constexpr std::chrono::seconds kRouteStateStale{10};
// Older rows are removed with the next report: an instance has a new name each time it starts.
inline constexpr std::chrono::hours kRouteStateKept{24};

struct RouteState {
  std::string route, instance;
  std::string phase;  // a word of relay/route_phase.h
  std::string code;   // why, empty when all is well
  std::string message;
  Timestamp since{};
  std::optional<Position> settled;  // for routes from the store
  std::optional<std::int64_t> lag_events;
  std::optional<double> lag_seconds;                                  // age of the oldest unsettled event
  std::string details = "{}";                                         // JSON object of counters
  Timestamp updated_at{};                                             // given by the store
  enum class Reporting { kNow, kStale } reporting = Reporting::kNow;  // stale: older than that
};

// Threads: any. Errors: those of every call (store/store.h).
class RouteStates {
 public:
  virtual ~RouteStates() = default;
  // Inserts or replaces the row of each (route, instance); updated_at is the store's clock.
  virtual Status report(const std::vector<RouteState>& states) = 0;
  // By route, then instance.
  virtual Result<std::vector<RouteState>> list() = 0;
};

}  // namespace penstock::store
