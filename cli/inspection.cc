#include "cli/inspection.h"

#include <algorithm>

#include "cli/catalogue.h"
#include "cli/composition.h"
#include "store/store.h"

namespace penstock::cli {
namespace {

using connectors::Finding;
using Findings = std::vector<Finding>;

constexpr std::chrono::seconds kPatience{10};

Finding finding_of(std::string subject, const Error& error) {
  return {Finding::Severity::kError, std::move(subject), error.message() + " [" + std::string(error.code().name) + "]",
          std::string(error.code().hint)};
}

// Routes that had a checkpoint and are in the file no more.
void inspect_checkpoints(const config::Settings& settings, store::Store& store, Findings& findings) {
  const auto checkpoints = store.checkpoints().list();
  if (!checkpoints) {
    findings.push_back(finding_of("store: checkpoints", checkpoints.error()));
    return;
  }
  for (const auto& [route, checkpoint] : *checkpoints) {
    const bool is_known = std::ranges::any_of(settings.routes, [&](const config::Route& one) {
      return one.name == route || one.section.text("renamed_from") == route;
    });
    if (is_known) continue;
    findings.push_back({Finding::Severity::kWarning, "store: checkpoint of route " + route,
                        "position " + std::to_string(checkpoint.position.value) + ", but the file has no such route",
                        "give the route that goes on from there renamed_from = \"" + route +
                            "\"; nothing is to be done if it was removed on purpose"});
  }
}

void inspect_store(const config::Settings& settings, Log& log, Findings& findings) {
  SystemRandom random;
  const auto store = make_store(settings, make_instance_name(random), log);
  const std::string url = without_password(settings.store.url.reveal());
  if (!store) {
    findings.push_back(finding_of("store " + url, store.error()));
    return;
  }
  const auto plan = (*store)->plan_migration();
  if (!plan) {
    findings.push_back(finding_of("store " + url, plan.error()));
    return;
  }
  if (!plan->pending.empty()) {
    const bool is_new = plan->current == 0;
    findings.push_back(
        {is_new ? Finding::Severity::kOk : Finding::Severity::kWarning, "store " + url,
         is_new ? "it has no tables yet; `penstock run` makes them"
                : std::to_string(plan->pending.size()) + " migrations are pending; `penstock run` runs them",
         is_new ? "" : "penstock migrate"});
    if (is_new) return;
  } else {
    findings.push_back(
        {Finding::Severity::kOk, "store " + url, "schema " + std::to_string(plan->current) + " is up to date", ""});
  }
  inspect_checkpoints(settings, **store, findings);
}

void append(Findings& findings, Findings more) {
  findings.insert(findings.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// Every different set of templates that a route sends to this sink.
std::vector<connectors::RouteTemplates> templates_to(const config::Settings& settings, const config::Endpoint& sink) {
  std::vector<connectors::RouteTemplates> templates;
  for (const config::Route& route : settings.routes) {
    if (route.to == sink.name) templates.push_back(templates_of(settings, route));
  }
  return templates;
}

}  // namespace

std::vector<Finding> inspect(const config::Settings& settings, Log& log) {
  Findings findings;
  inspect_store(settings, log, findings);
  for (const config::Endpoint& source : settings.sources) {
    append(findings, find_source_kind(source.kind)->inspect(source.section, Deadline::in(kPatience)));
  }
  for (const config::Endpoint& sink : settings.sinks) {
    append(findings, find_sink_kind(sink.kind)->inspect(sink.section, templates_to(settings, sink),
                                                        settings.limits.event_bytes, Deadline::in(kPatience)));
  }
  return findings;
}

}  // namespace penstock::cli
