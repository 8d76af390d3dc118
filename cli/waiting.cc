#include "cli/waiting.h"

#include <functional>
#include <utility>

#include "cli/composition.h"
#include "cli/output.h"
#include "cli/status_report.h"
#include "relay/route_phase.h"
#include "store/store.h"

namespace penstock::cli {
namespace {

using connectors::Finding;
using Findings = std::vector<Finding>;
// Whether a route, or a source, is asked for by its name.
using IsAsked = std::function<bool(std::string_view name)>;

Finding finding_of(const store::GapRecord& gap) {
  const std::string number = std::to_string(gap.number);
  const std::string whose =
      gap.route == store::kClients ? "clients" : std::string(store::to_string(gap.of)) + ' ' + gap.route;
  return {Finding::Severity::kError, "gap " + number + " of " + whose,
          "it is not acknowledged: events may be missing [" + gap.reason + "]",
          "`penstock gaps show " + number + "`; deliver what is missing, then `penstock gaps ack " + number + "`"};
}

Status find_gaps(store::Store& store, const IsAsked& is_asked, Findings& findings) {
  return store::visit_gaps(store.gaps(), [&](const store::GapRecord& gap) -> Result<store::VisitGaps> {
    if (gap.acknowledged_by.empty() && is_asked(gap.route)) findings.push_back(finding_of(gap));
    return store::VisitGaps::kGoOn;
  });
}

// A route that stands by, or waits for a sink that asked for it, goes on by itself.
bool stands_still(const store::RouteState& state) {
  return state.phase == to_string(relay::RoutePhase::kFailed) ||
         state.phase == to_string(relay::RoutePhase::kBackingOff);
}

Status find_routes(const config::Settings& settings, store::Store& store, const IsAsked& is_asked, Findings& findings) {
  const auto report = make_status_report(settings, store);
  if (!report) return fail(report.error());
  for (const RouteReport& route : report->routes) {
    if (!is_asked(route.name) || !route.is_reporting() || route.state->code.empty()) continue;
    const ErrorCode* code = find_error_code(route.state->code);
    findings.push_back({stands_still(*route.state) ? Finding::Severity::kError : Finding::Severity::kWarning,
                        "route " + route.name + " (" + route.state->phase + ")",
                        printable(route.state->message) + " [" + route.state->code + "]",
                        code != nullptr ? std::string(code->hint) : ""});
  }
  return {};
}

Findings find_in_store(const config::Settings& settings, const IsAsked& is_asked, Log& log) {
  SystemRandom random;
  Findings findings;
  const auto unanswered = [&](const Error& error) {
    findings.push_back({Finding::Severity::kWarning, "store",
                        "whether anything waits for an operator is not known: " + error.message() + " [" +
                            std::string(error.code().name) + "]",
                        std::string(error.code().hint)});
    return std::move(findings);
  };
  const auto store = make_store(settings, make_instance_name(random), log);
  if (!store) return unanswered(store.error());
  const auto plan = (*store)->plan_migration();
  if (!plan) return unanswered(plan.error());
  if (plan->current == 0 || !plan->pending.empty()) return findings;
  if (auto found = find_gaps(**store, is_asked, findings); !found) return unanswered(found.error());
  if (auto found = find_routes(settings, **store, is_asked, findings); !found) return unanswered(found.error());
  return findings;
}

}  // namespace

Findings find_waiting(const config::Settings& settings, Log& log) {
  return find_in_store(
      settings, [](std::string_view) { return true; }, log);
}

Findings find_waiting(const config::Settings& settings, std::string_view source, Log& log) {
  const auto is_asked = [&](std::string_view name) {
    if (name == source) return true;
    for (const config::Route& route : settings.routes)
      if (route.name == name && route.from == source) return true;
    return false;
  };
  return find_in_store(settings, is_asked, log);
}

}  // namespace penstock::cli
