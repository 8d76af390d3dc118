// penstock sources: what reads the outboxes of services.
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/source_switch.h"
#include "cli/store_command.h"

namespace penstock::cli {
namespace {

struct SwitchOptions {
  std::string name, to;
  SwitchWish wish;
  bool plan = false, wait = false;
  std::int64_t timeout = 60;
};

// Of a route's name, or of the source itself, which feeds one route.
const config::Route* find_route(const config::Settings& settings, const std::string& name) {
  const auto leads = [&](const config::Route& route) {
    return route.from != config::kStoreName && (route.name == name || route.from == name);
  };
  const auto found = std::ranges::find_if(settings.routes, leads);
  return found == settings.routes.end() ? nullptr : &*found;
}

void switch_source(SwitchOptions options, Invocation& invocation) {
  const bool to_log = options.to == "wal";
  if (!to_log && options.to != "polling")
    return invocation.fail(ExitCode::kUsage, "--to " + printable(options.to) + ": expected wal or polling");
  options.wish.until = Deadline::in(std::chrono::seconds(options.timeout));
  // All that the source refers to has to be at hand.
  if (!load_settings(invocation, {.warnings = Warnings::kKeepQuiet})) return;
  auto opened = open_store(invocation, options.plan ? StoreUse::kRead : StoreUse::kWrite);
  if (!opened) return;
  const config::Route* route = find_route(opened->settings, options.name);
  if (route == nullptr)
    return invocation.fail(ExitCode::kUsage, "no route leads from a source, or is called, " + printable(options.name));
  const config::Endpoint& source = *opened->settings.find_source(route->from);
  if (to_log != (source.kind == "outbox"))
    return invocation.fail(ExitCode::kNegative, "source " + source.name + " is of kind \"" + source.kind +
                                                    "\" in the configuration already, which is changed last");
  options.wish.what = options.plan ? SwitchWish::Do::kPlan : SwitchWish::Do::kAll;
  options.wish.held = options.wait ? SwitchWish::Held::kAwait : SwitchWish::Held::kRefuse;
  SourceSwitch change(opened->settings, source, *route, *opened->store, invocation, options.wish);
  if (const Status done = to_log ? change.to_log() : change.to_polling(); !done) invocation.fail(done.error());
}

}  // namespace

void add_sources(CLI::App& app, Invocation& invocation) {
  CLI::App* group = app.add_subcommand("sources", "Sources: what is read from services");
  group->require_subcommand(1);
  set_examples(*group, "penstock sources switch orders --to wal --plan", "penstock sources switch orders --to polling");
  CLI::App* command = group->add_subcommand(
      "switch", "From polling to the log, or back, while services write; the configuration is changed afterwards");
  auto options = std::make_shared<SwitchOptions>();
  command->add_option("name", options->name, "Source, or the route that leads from it")->required();
  command->add_option("--to", options->to, "wal: while it is polled; polling: once the program has stopped")
      ->required()
      ->type_name("HOW");
  command->add_flag("--plan", options->plan, "Print what would be done, with its SQL, and change nothing");
  command->add_flag("--wait", options->wait, "Wait for an instance that drives the route to stop");
  command->add_option("--timeout", options->timeout, "Seconds for all of it; default: 60")
      ->check(whole_number())
      ->type_name("N");
  command->add_option("--slot", options->wish.slot, "To wal: slot; default: penstock_ and the source's name")
      ->type_name("NAME");
  command->add_option("--publication", options->wish.publication, "To wal: publication; default: the same")
      ->type_name("NAME");
  add_config_option(*command, invocation);
  set_examples(*command, "penstock sources switch orders --to wal --plan",
               "penstock sources switch orders --to polling --wait -c /etc/penstock/penstock.toml");
  command->callback([options, &invocation] { switch_source(*options, invocation); });
}

}  // namespace penstock::cli
