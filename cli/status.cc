// penstock status: the store, the sources, the routes.
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/json_writer.h"
#include "cli/status_report.h"
#include "cli/store_command.h"
#include "core/json_text.h"
#include "store/store_faults.h"

namespace penstock::cli {
namespace {

struct StatusOptions {
  bool quiet = false;
};

// The route that a source feeds; null if there is none.
const RouteReport* route_of(const config::Endpoint& source, const StatusReport& report) {
  const auto found = std::ranges::find(report.routes, source.name, &RouteReport::from);
  return found == report.routes.end() ? nullptr : &*found;
}

std::string json_of(const config::Endpoint& source, const StatusReport& report) {
  JsonObject object;
  object.text("name", source.name).text("kind", source.kind);
  const RouteReport* route = route_of(source, report);
  if (route == nullptr) {
    object.null("route").text("phase", "unused");
  } else {
    object.text("route", route->name)
        .text("phase", route->phase())
        .number_or_null("lag_events", route->lag_events)
        .raw("details", route->state && is_json_object(route->state->details) ? route->state->details : "{}");
  }
  return std::move(object).finish();
}

void print_json(const StatusReport& report, const config::Settings& settings, Invocation& invocation) {
  JsonObject store;
  store.text("backend", report.backend).position("head", report.head).position("floor", report.floor);
  store.number("inbox", static_cast<std::int64_t>(report.waiting));
  if (report.importing == StatusReport::Importing::kYes) {
    const Error error = store::import_unfinished();
    JsonObject object;
    object.text("code", error.code().name).text("message", error.message()).text("hint", error.code().hint);
    store.text("phase", "importing").raw("last_error", std::move(object).finish());
  } else {
    store.text("phase", "open").null("last_error");
  }
  JsonArray sources, routes;
  for (const config::Endpoint& source : settings.sources) sources.add(json_of(source, report));
  for (const RouteReport& route : report.routes) routes.add(json_of(route));
  JsonObject object;
  object.raw("store", std::move(store).finish())
      .raw("sources", std::move(sources).finish())
      .raw("routes", std::move(routes).finish());
  invocation.out << std::move(object).finish() << '\n';
}

std::string inbox_text(std::uint64_t waiting) {
  return std::to_string(waiting) + (waiting == store::kWaitingCounted ? " or more" : "");
}

void print_tables(const StatusReport& report, const config::Settings& settings, Invocation& invocation) {
  const Palette palette = invocation.palette();
  const bool importing = report.importing == StatusReport::Importing::kYes;
  TextTable store({"STORE", "HEAD", "FLOOR", "INBOX", "PHASE"});
  store.add({report.backend, std::to_string(report.head.value), std::to_string(report.floor.value),
             inbox_text(report.waiting),
             importing ? TextTable::Cell("importing", Tint::kWarning) : TextTable::Cell("open", Tint::kGood)});
  store.print(invocation.out, palette);
  if (importing) invocation.out << store::import_unfinished().describe() << '\n';
  if (!settings.sources.empty()) {
    TextTable sources({"SOURCE", "KIND", "ROUTE", "PHASE", "SLOT"});
    for (const config::Endpoint& source : settings.sources) {
      const RouteReport* route = route_of(source, report);
      if (route == nullptr)
        sources.add({source.name, source.kind, "-", "unused", "-"});
      else
        sources.add({source.name, source.kind, route->name, phase_text(*route), slot_cell(*route)});
    }
    invocation.out << '\n';
    sources.print(invocation.out, palette);
  }
  if (report.routes.empty()) return;
  invocation.out << '\n';
  table_of_routes(report.routes).print(invocation.out, palette);
}

void show_status(const StatusOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (opened) {
    const auto report = make_status_report(opened->settings, *opened->store);
    if (report && !options.quiet && invocation.format == OutputFormat::kTable) {
      print_tables(*report, opened->settings, invocation);
    } else if (report && !options.quiet) {
      print_json(*report, opened->settings, invocation);
    }
    if (!report) {
      invocation.fail(report.error());
    } else if (options.quiet && std::ranges::any_of(report->routes, &RouteReport::has_failed)) {
      invocation.exit = ExitCode::kNegative;
    }
  }
  // For a health check there are three answers only; a broken configuration stays what it is.
  const bool answered = invocation.exit == ExitCode::kOk || invocation.exit == ExitCode::kNegative;
  if (options.quiet && !answered && invocation.exit != ExitCode::kConfig) invocation.exit = ExitCode::kUnavailable;
}

}  // namespace

void add_status(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("status", "Show the store, the sources and the routes");
  auto options = std::make_shared<StatusOptions>();
  command->add_flag(
      "-q,--quiet", options->quiet,
      "Print nothing: exit 0 if the store answers and no route has failed, 1 on a failed route, 69 if the "
      "store doesn't answer");
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, "penstock status", "penstock status --quiet -c /etc/penstock/penstock.toml");
  command->callback([options, &invocation] { show_status(*options, invocation); });
}

}  // namespace penstock::cli
