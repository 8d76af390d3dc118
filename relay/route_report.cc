#include "relay/route_report.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

#include "core/json_text.h"

namespace penstock::relay {
namespace {

// "0.915000"
std::string fraction(double value) {
  std::array<char, 64> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed, 6).ptr;
  return std::string(digits.data(), end);
}

// Named as their metrics are.
void append_slot(std::string& details, const connectors::SlotFigures& slot) {
  details.append(R"(,"slot_status":)");
  append_json_string(details, slot.wal_status);
  details.append(R"(,"slot_retained_wal_bytes":)").append(std::to_string(slot.retained_bytes));
  if (slot.safe_bytes) {
    details.append(R"(,"slot_safe_wal_bytes":)").append(std::to_string(*slot.safe_bytes));
    if (const auto share = safe_share_of(slot)) details.append(R"(,"slot_safe_wal_share":)").append(fraction(*share));
  }
  if (slot.heartbeat)
    details.append(R"(,"heartbeat_round_trip_seconds":)")
        .append(fraction(std::chrono::duration<double>(*slot.heartbeat).count()));
}

std::string details_of(const RouteReport& report) {
  const RouteCounters& counters = report.counters;
  const std::initializer_list<std::pair<std::string_view, std::uint64_t>> members = {
      {"delivered", counters.delivered},
      {"submitted", counters.submitted},
      {"retries", counters.retries},
      {"filtered", counters.filtered},
      {"parked", counters.parked},
      {"skipped", counters.skipped},
      {"settle_calls", counters.settle_calls},
      {"source_openings", counters.source_openings},
      {"sink_openings", counters.sink_openings},
      {"unexpected_reports", counters.unexpected_reports},
      {"in_flight", report.in_flight},
      {"in_flight_bytes", report.in_flight_bytes},
      {"reads", report.source.reads},
      {"rereads", report.source.rereads},
      {"full_scans", report.source.full_scans},
  };
  std::string details = "{";
  for (const auto& [name, value] : members) {
    if (details.size() > 1) details += ',';
    details.append("\"").append(name).append("\":").append(std::to_string(value));
  }
  if (const auto& blocker = report.source.held_back_by) {
    if (details.size() > 1) details += ',';
    details.append(R"("held_back_by_pid":)").append(std::to_string(blocker->pid));
    details.append(R"(,"held_back_by_age_s":)").append(std::to_string(blocker->age.count()));
    if (blocker->age_is == connectors::Blocker::Age::kAtLeast) details.append(R"(,"held_back_by_age_is":"at_least")");
    details.append(R"(,"held_back_by":)");
    append_json_string(details, blocker->application);
  }
  if (report.source.slot) append_slot(details, *report.source.slot);
  return details + "}";
}

}  // namespace

std::optional<double> lag_seconds_of(const RouteReport& report, Timestamp now) {
  if (report.oldest_unsettled) {
    const std::chrono::duration<double> age = now - *report.oldest_unsettled;
    return std::max(0.0, age.count());
  }
  if (report.source.lag_events == 0) return 0.0;
  return std::nullopt;
}

std::optional<double> safe_share_of(const connectors::SlotFigures& slot) {
  if (!slot.safe_bytes || slot.limit_bytes <= 0) return std::nullopt;
  // The server counts whole segments, so that a fresh slot may have more than all of it.
  return std::min(static_cast<double>(*slot.safe_bytes) / static_cast<double>(slot.limit_bytes), 1.0);
}

store::RouteState state_of(const RouteReport& report, std::string_view route, std::string_view instance,
                           Timestamp now) {
  store::RouteState state;
  state.route = route;
  state.instance = instance;
  state.phase = to_string(report.phase);
  state.code = report.code;
  state.message = report.message;
  state.since = report.since;
  state.settled = report.source.settled;
  state.lag_events = report.source.lag_events;
  state.lag_seconds = lag_seconds_of(report, now);
  state.details = details_of(report);
  return state;
}

}  // namespace penstock::relay
