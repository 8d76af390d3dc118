// penstock routes: the routes of the configuration and how they fare.
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/json_writer.h"
#include "cli/status_report.h"
#include "cli/store_command.h"

namespace penstock::cli {
namespace {

struct RoutesOptions {
  std::string name;
};

void list(Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  const auto report = make_status_report(opened->settings, *opened->store);
  if (!report) return invocation.fail(report.error());
  JsonArray array;
  switch (invocation.format) {
    case OutputFormat::kTable: return table_of_routes(report->routes).print(invocation.out, invocation.palette());
    case OutputFormat::kJson:
      for (const RouteReport& route : report->routes) array.add(json_of(route));
      invocation.out << std::move(array).finish() << '\n';
      return;
    case OutputFormat::kJsonLines:
      for (const RouteReport& route : report->routes) invocation.out << json_of(route) << '\n';
  }
}

// What the configuration says of the route, as `config show --effective` would.
const config::ShownTable* settings_of(const config::Settings& settings, const std::string& name) {
  const std::string wanted = "\"" + name + "\"";
  const auto is_wanted = [&](const config::ShownTable& table) {
    return table.header == "[[route]]" && std::ranges::any_of(table.keys, [&](const config::ShownKey& key) {
             return key.name == "name" && key.value == wanted;
           });
  };
  const auto found = std::ranges::find_if(settings.shown, is_wanted);
  return found == settings.shown.end() ? nullptr : &*found;
}

void print_table(const RouteReport& route, const config::Settings& settings, Invocation& invocation) {
  const Palette palette = invocation.palette();
  table_of_routes({route}).print(invocation.out, palette);
  TextTable instances({"INSTANCE", "PHASE", "SINCE", "LAST REPORT"});
  for (const store::RouteState& state : route.instances) {
    instances.add({state.instance, state.phase, format_timestamp(state.since), format_timestamp(state.updated_at)});
  }
  if (!route.instances.empty()) {
    invocation.out << '\n';
    instances.print(invocation.out, palette);
  }
  const config::ShownTable* shown = settings_of(settings, route.name);
  if (shown == nullptr) return;
  TextTable keys({"SETTING", "VALUE", "FROM"});
  for (const config::ShownKey& key : shown->keys) keys.add({key.name, key.value, {key.origin, Tint::kFaint}});
  invocation.out << '\n';
  keys.print(invocation.out, palette);
}

void show(const RoutesOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  const auto report = make_status_report(opened->settings, *opened->store);
  if (!report) return invocation.fail(report.error());
  const auto route = std::ranges::find(report->routes, options.name, &RouteReport::name);
  if (route == report->routes.end()) {
    return invocation.fail(ExitCode::kNegative, "there is no route " + printable(options.name));
  }
  if (invocation.format == OutputFormat::kTable) return print_table(*route, opened->settings, invocation);
  invocation.out << json_of(*route) << '\n';
}

}  // namespace

void add_routes(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("routes", "List routes, or look at one");
  command->require_subcommand(1);
  set_examples(*command, "penstock routes ls", "penstock routes show orders-in -o json");
  auto options = std::make_shared<RoutesOptions>();

  CLI::App* ls = command->add_subcommand("ls", "All routes");
  add_config_option(*ls, invocation);
  add_output_options(*ls, invocation);
  set_examples(*ls, "penstock routes ls", "penstock routes ls -o jsonl");
  ls->callback([&invocation] { list(invocation); });

  CLI::App* one = command->add_subcommand("show", "One route: state, instances, settings");
  one->add_option("route", options->name, "Name of the route")->required();
  add_config_option(*one, invocation);
  add_output_options(*one, invocation);
  set_examples(*one, "penstock routes show orders-in", "penstock routes show orders-in -o json");
  one->callback([options, &invocation] { show(*options, invocation); });
}

}  // namespace penstock::cli
