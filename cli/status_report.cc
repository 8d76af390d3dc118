#include "cli/status_report.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "cli/json_writer.h"
#include "core/json_members.h"
#include "core/json_text.h"
#include "relay/route_phase.h"

namespace penstock::cli {
namespace {

using store::RouteState;

std::string_view word_of(relay::RoutePhase phase) { return relay::to_string(phase); }

// Twice as long as a running instance takes between its reports.
constexpr std::chrono::seconds kMissesReports{4};

// The instance that tells most: one that reports over a silent one, the driver over a standby, then
// the latest word. What another one's reports have left behind is of an instance that was ended.
const RouteState* most_telling(const std::vector<RouteState>& states) {
  Timestamp latest{};
  for (const RouteState& state : states) latest = std::max(latest, state.updated_at);
  const auto weight = [latest](const RouteState& state) {
    const bool reports = state.reporting == RouteState::Reporting::kNow && latest - state.updated_at <= kMissesReports;
    const bool drives =
        state.phase != word_of(relay::RoutePhase::kStandby) && state.phase != word_of(relay::RoutePhase::kStopped);
    return std::tuple(reports, drives, state.updated_at);
  };
  const auto best = std::ranges::max_element(states, {}, weight);
  return best == states.end() ? nullptr : &*best;
}

Tint tint_of(const RouteReport& route) {
  if (route.has_failed()) return Tint::kBad;
  if (!route.is_reporting()) return Tint::kFaint;
  return route.phase() == word_of(relay::RoutePhase::kRunning) ? Tint::kGood : Tint::kWarning;
}

std::string json_of_instance(const RouteState& state) {
  JsonObject object;
  object.text("instance", state.instance)
      .text("phase", state.phase)
      .boolean("reporting", state.reporting == RouteState::Reporting::kNow)
      .time("since", state.since)
      .time("updated_at", state.updated_at);
  return std::move(object).finish();
}

std::string seconds_text(std::optional<double> seconds) {
  if (!seconds) return "-";
  const auto tenths = static_cast<std::int64_t>(std::llround(*seconds * 10));
  return std::to_string(tenths / 10) + "." + std::to_string(std::abs(tenths % 10));
}

// Names the transaction that a source waits for, which is no fault of the route; empty where there is none.
std::string held_back_text(const RouteState& state) {
  std::string pid, application, age, how_known;
  for (const JsonMember& member : json_members(state.details).value_or(std::vector<JsonMember>())) {
    if (member.name == "held_back_by_pid") pid = member.text;
    if (member.name == "held_back_by") application = json_string(member);
    if (member.name == "held_back_by_age_s") age = member.text;
    if (member.name == "held_back_by_age_is") how_known = json_string(member);
  }
  if (pid.empty()) return {};
  std::string text = pid == "0" ? "held back by a prepared transaction" : "held back by pid " + pid;
  if (!application.empty()) text += " (" + printable(application) + ")";
  if (how_known.empty()) return text + ", open for " + age + " s";
  return text + ", open for at least " + age + " s: GRANT pg_read_all_stats TO the source's role shows since when";
}

TextTable::Cell last_error_cell(const RouteReport& route) {
  if (!route.state) return "-";
  if (!route.state->code.empty()) return route.state->code + ": " + printable(route.state->message);
  const std::string held_back = route.is_reporting() ? held_back_text(*route.state) : "";
  return held_back.empty() ? TextTable::Cell("-") : TextTable::Cell(held_back, Tint::kWarning);
}

// A number as it stands in the JSON of the details.
double number_of(std::string_view text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string whole(double number) { return std::to_string(std::llround(number)); }

// As the source warns in the log.
Tint tint_of_slot(std::string_view status, std::optional<double> safe_share) {
  if (status == "lost" || (safe_share && *safe_share < 0.25)) return Tint::kBad;
  return safe_share && *safe_share < 0.5 ? Tint::kWarning : Tint::kNone;
}

}  // namespace

TextTable::Cell slot_cell(const RouteReport& route) {
  if (!route.is_reporting()) return "-";
  std::string status, left, heartbeat;
  std::optional<double> share;
  for (const JsonMember& member : json_members(route.state->details).value_or(std::vector<JsonMember>())) {
    if (member.name == "slot_status") status = printable(json_string(member));
    if (member.name == "slot_safe_wal_bytes") left = whole(number_of(member.text) / (1 << 20)) + " MB";
    if (member.name == "slot_safe_wal_share") share = number_of(member.text);
    if (member.name == "heartbeat_round_trip_seconds") heartbeat = whole(number_of(member.text) * 1'000) + " ms";
  }
  if (status.empty()) return "-";
  std::string text = status;
  if (!left.empty()) text += ", " + left + (share ? " (" + whole(*share * 100) + " %)" : "") + " left";
  if (!heartbeat.empty()) text += ", heartbeat " + heartbeat;
  return {text, tint_of_slot(status, share)};
}

std::string_view RouteReport::phase() const { return state ? std::string_view(state->phase) : "unknown"; }

bool RouteReport::is_reporting() const { return state && state->reporting == RouteState::Reporting::kNow; }

bool RouteReport::has_failed() const {
  return configured == Configured::kYes && phase() == word_of(relay::RoutePhase::kFailed);
}

Result<StatusReport> make_status_report(const config::Settings& settings, store::Store& store) {
  StatusReport report;
  report.backend = store.backend();
  const auto head = store.log().head();
  if (!head) return fail(head.error());
  report.head = *head;
  const auto floor = store.log().floor();
  if (!floor) return fail(floor.error());
  report.floor = *floor;
  const auto counts = store.events().counts();
  if (!counts) return fail(counts.error());
  report.waiting = counts->waiting;
  const auto importing = store.is_importing();
  if (!importing) return fail(importing.error());
  report.importing = *importing ? StatusReport::Importing::kYes : StatusReport::Importing::kNo;
  auto states = store.route_states().list();
  if (!states) return fail(states.error());
  const auto checkpoints = store.checkpoints().list();
  if (!checkpoints) return fail(checkpoints.error());

  for (const config::Route& route : settings.routes) report.routes.push_back({route.name, route.from, route.to});
  for (RouteState& state : *states) {
    auto known = std::ranges::find(report.routes, state.route, &RouteReport::name);
    if (known == report.routes.end()) {
      if (state.reporting != RouteState::Reporting::kNow) continue;
      report.routes.push_back({state.route, "", "", RouteReport::Configured::kNo});
      known = std::prev(report.routes.end());
    }
    known->instances.push_back(std::move(state));
  }
  for (RouteReport& route : report.routes) {
    if (const RouteState* state = most_telling(route.instances)) route.state = *state;
    const auto checkpoint =
        std::ranges::find(*checkpoints, route.name, &std::pair<std::string, store::Checkpoint>::first);
    if (checkpoint != checkpoints->end()) route.checkpoint = checkpoint->second.position;
    if (route.is_reporting()) route.lag_events = route.state->lag_events;
    if (!route.lag_events && route.checkpoint && route.from == config::kStoreName) {
      route.lag_events = std::max<std::int64_t>(0, report.head.value - route.checkpoint->value);
    }
    const auto parked = store.parked().count(route.name);
    if (!parked) return fail(parked.error());
    route.parked = *parked;
  }
  return report;
}

std::string json_of(const RouteReport& route) {
  JsonObject object;
  object.text("name", route.name)
      .text("from", route.from)
      .text("to", route.to)
      .text("phase", route.phase())
      .boolean("reporting", route.is_reporting())
      .position_or_null("checkpoint", route.checkpoint)
      .number_or_null("lag_events", route.lag_events)
      .fraction_or_null("lag_seconds", route.is_reporting() ? route.state->lag_seconds : std::nullopt)
      .number("parked", static_cast<std::int64_t>(route.parked));
  if (route.state && !route.state->code.empty()) {
    JsonObject error;
    error.text("code", route.state->code).text("message", route.state->message);
    object.raw("last_error", std::move(error).finish());
  } else {
    object.null("last_error");
  }
  if (route.state) {
    object.text("instance", route.state->instance)
        .time("since", route.state->since)
        .time("updated_at", route.state->updated_at)
        .raw("details", is_json_object(route.state->details) ? route.state->details : "{}");
  }
  JsonArray instances;
  for (const RouteState& state : route.instances) {
    if (state.reporting == RouteState::Reporting::kNow) instances.add(json_of_instance(state));
  }
  object.raw("instances", std::move(instances).finish());
  if (route.configured == RouteReport::Configured::kNo) object.boolean("configured", false);
  return std::move(object).finish();
}

std::string phase_text(const RouteReport& route) {
  return std::string(route.phase()) + (route.state && !route.is_reporting() ? " (not reporting)" : "");
}

TextTable table_of_routes(const std::vector<RouteReport>& routes) {
  TextTable table({"ROUTE", "FROM", "TO", "PHASE", "CHECKPOINT", "LAG", "LAG S", "PARKED", "LAST ERROR"});
  for (const RouteReport& route : routes) {
    std::string phase = phase_text(route);
    if (route.configured == RouteReport::Configured::kNo) phase += " (not in this file)";
    table.add({route.name,
               route.from,
               route.to,
               {phase, tint_of(route)},
               route.checkpoint ? std::to_string(route.checkpoint->value) : "-",
               route.lag_events ? std::to_string(*route.lag_events) : "-",
               seconds_text(route.is_reporting() ? route.state->lag_seconds : std::nullopt),
               {std::to_string(route.parked), route.parked > 0 ? Tint::kWarning : Tint::kNone},
               last_error_cell(route)});
  }
  return table;
}

}  // namespace penstock::cli
