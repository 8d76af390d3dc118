#include "cli/inspection.h"

#include <algorithm>

#include "cli/catalogue.h"
#include "cli/composition.h"
#include "store/postgres/grants.h"
#include "store/postgres/session.h"
#include "store/store.h"

namespace penstock::cli {
namespace {

using connectors::Finding;
using Findings = std::vector<Finding>;

constexpr std::chrono::seconds kPatience{10};

// The command that mends it; where there is none, the hint.
std::string fix_of(const config::StoreTable& store, const Error& error) {
  const ErrorCode& code = error.code();
  if (&code == &codes::kStoreDatabaseMissing) return store::postgres::createdb_command(store.url);
  if (error.message().find("through a pooler") != std::string::npos)
    return "Name the server itself in [store] url, with its own port.";
  if (&code == &codes::kStoreUnauthorized) return store::postgres::psql_command(store.url);
  return std::string(code.hint);
}

Finding finding_of(const config::StoreTable& store, std::string subject, const Error& error) {
  return {Finding::Severity::kError, std::move(subject), error.message() + " [" + std::string(error.code().name) + "]",
          fix_of(store, error)};
}

// What the role of the store lacks, although it may connect.
Result<std::string> missing_grants(const config::StoreTable& store) {
  std::string all;
  const auto statements = store::postgres::missing_grants(store.url, store.schema, Deadline::in(kPatience));
  if (!statements) return fail(statements.error());
  for (const std::string& statement : *statements) all += (all.empty() ? "" : " ") + statement;
  return all;
}

// Routes that had a checkpoint and are in the file no more.
void inspect_checkpoints(const config::Settings& settings, store::Store& store, Findings& findings) {
  const auto checkpoints = store.checkpoints().list();
  if (!checkpoints) {
    findings.push_back(finding_of(settings.store, "store: checkpoints", checkpoints.error()));
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
  const config::StoreTable& table = settings.store;
  const auto store = make_store(settings, make_instance_name(random), log);
  const std::string subject = "store " + without_password(table.url.reveal());
  if (!store) {
    findings.push_back(finding_of(table, subject, store.error()));
    return;
  }
  if ((*store)->backend() == "postgres") {
    const auto missing = missing_grants(table);
    if (!missing || !missing->empty()) {
      findings.push_back(missing ? Finding{Finding::Severity::kError, subject,
                                           "the role lacks rights on schema " + table.schema, *missing}
                                 : finding_of(table, subject, missing.error()));
      return;
    }
  }
  const auto plan = (*store)->plan_migration();
  if (!plan) {
    findings.push_back(finding_of(table, subject, plan.error()));
    return;
  }
  if (plan->current == 0) {
    findings.push_back({Finding::Severity::kOk, subject, "it has no tables yet; `penstock run` makes them", ""});
    return;
  }
  if (plan->pending.empty()) {
    findings.push_back(
        {Finding::Severity::kOk, subject, "schema " + std::to_string(plan->current) + " is up to date", ""});
  } else {
    findings.push_back({Finding::Severity::kWarning, subject,
                        std::to_string(plan->pending.size()) + " migrations are pending; `penstock run` runs them",
                        "penstock migrate"});
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
    append(findings, inspect_source(source));
  }
  for (const config::Endpoint& sink : settings.sinks) {
    append(findings, find_sink_kind(sink.kind)->inspect(sink.section, templates_to(settings, sink),
                                                        settings.limits.event_bytes, Deadline::in(kPatience)));
  }
  return findings;
}

std::vector<Finding> inspect_source(const config::Endpoint& source) {
  Findings findings = find_source_kind(source.kind)->inspect(source.section, Deadline::in(kPatience));
  for (Finding& finding : findings) finding.subject = "source " + source.name + ", " + finding.subject;
  return findings;
}

}  // namespace penstock::cli
