// What a route says of itself: phase, how far it is, counters.
#pragma once

#include <optional>
#include <string>

#include "connectors/source.h"
#include "core/clock.h"
#include "relay/route_phase.h"
#include "store/route_states.h"

namespace penstock::relay {

// Counted since the program started.
struct RouteCounters {
  std::uint64_t delivered = 0;
  std::uint64_t submitted = 0;
  std::uint64_t retries = 0;  // retryable outcomes
  std::uint64_t filtered = 0;
  std::uint64_t parked = 0, skipped = 0;
  std::uint64_t settle_calls = 0;
  std::uint64_t source_openings = 0, sink_openings = 0;
  std::uint64_t unexpected_reports = 0;  // outcomes of tickets that were not on their way
};

struct RouteReport {
  enum class Held { kNo, kYes };
  enum class Open { kNo, kYes };

  RoutePhase phase = RoutePhase::kStarting;
  std::string code, message;
  Timestamp since{};
  Held lease = Held::kNo;
  Open source_is = Open::kNo;
  RouteCounters counters;
  connectors::SourceFigures source;
  std::size_t in_flight = 0, in_flight_bytes = 0;  // read beyond the stored checkpoint
  std::optional<Timestamp> oldest_unsettled;       // when that event was recorded, occurred, or was read
};

struct RouteEnd {
  std::string name;  // of the configuration, or "store"
  std::string kind;  // a word of `kind =`, or "store"
};

// A report with the names that make it one of a program.
struct NamedReport {
  std::string route;
  RouteEnd source, sink;
  RouteReport report;
};

// Age of the oldest unsettled event; empty where that is not known.
std::optional<double> lag_seconds_of(const RouteReport& report, Timestamp now);

// How much of the log that the server keeps for a slot at most is left until it gives the slot up, 0 to 1; empty where
// it sets no limit.
std::optional<double> safe_share_of(const connectors::SlotFigures& slot);

// The row for `penstock status`.
store::RouteState state_of(const RouteReport& report, std::string_view route, std::string_view instance, Timestamp now);

}  // namespace penstock::relay
