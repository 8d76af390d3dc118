// What the store knows of the program's routes, gathered for `status` and `routes`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/invocation.h"
#include "config/settings.h"
#include "store/store.h"

namespace penstock::cli {

struct RouteReport {
  std::string name, from, to;
  enum class Configured { kYes, kNo } configured = Configured::kYes;
  // Of the instance that drives the route, or did last; empty if none ever reported.
  std::optional<store::RouteState> state;
  std::vector<store::RouteState> instances;  // all that ever reported
  std::optional<Position> checkpoint;        // of routes from the store
  std::optional<std::int64_t> lag_events;
  std::uint64_t parked = 0;

  // A word of relay/route_phase.h, "unknown" if no instance ever reported.
  std::string_view phase() const;
  bool is_reporting() const;
  bool has_failed() const;
};

struct StatusReport {
  std::string backend;
  Position head, floor;
  std::uint64_t waiting = 0;  // events that were written by SQL and have no position yet
  // An import has begun and not ended: nobody else appends, and no route runs.
  enum class Importing { kNo, kYes } importing = Importing::kNo;
  std::vector<RouteReport> routes;  // in the order of the file, then those that only report
};

Result<StatusReport> make_status_report(const config::Settings& settings, store::Store& store);

// The forms that `status` and `routes` share.
std::string json_of(const RouteReport& route);
// The phase, and whether the program that wrote it still says so.
std::string phase_text(const RouteReport& route);
TextTable table_of_routes(const std::vector<RouteReport>& routes);

// What the source of the route said last of the replication slot that it reads through: "reserved, 9420 MB (92 %)
// left, heartbeat 4 ms". "-" for any other source.
TextTable::Cell slot_cell(const RouteReport& route);

}  // namespace penstock::cli
