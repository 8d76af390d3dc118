// penstock config: a sample to begin with, and what the program makes of a file.
#include <memory>

#include "cli/commands.h"
#include "cli/config_sample.h"
#include "cli/configuration.h"
#include "cli/json_writer.h"

namespace penstock::cli {
namespace {

struct ConfigOptions {
  std::string source = "outbox";
  std::vector<std::string> sinks;
  bool effective = false;
};

void init(const ConfigOptions& options, Invocation& invocation) {
  const auto sample = make_config_sample(options.source, options.sinks);
  if (!sample) return invocation.fail(ExitCode::kUsage, sample.error());
  invocation.out << *sample;
}

bool is_shown(const config::ShownKey& key, const ConfigOptions& options) {
  return options.effective || key.origin != "default";
}

void print_toml(const config::Settings& settings, const ConfigOptions& options, Invocation& invocation) {
  const Palette palette = invocation.palette();
  std::string_view gap;
  for (const config::ShownTable& table : settings.shown) {
    bool has_header = false;
    for (const config::ShownKey& key : table.keys) {
      if (!is_shown(key, options)) continue;
      if (!has_header) invocation.out << gap << table.header << '\n';
      has_header = true;
      gap = "\n";
      invocation.out << key.name << " = " << key.value;
      if (options.effective) invocation.out << "  " << palette.paint("# " + key.origin, Tint::kFaint);
      invocation.out << '\n';
    }
  }
}

void print_json(const config::Settings& settings, const ConfigOptions& options, Invocation& invocation) {
  JsonArray array;
  for (std::size_t i = 0; i < settings.shown.size(); ++i) {
    for (const config::ShownKey& key : settings.shown[i].keys) {
      if (!is_shown(key, options)) continue;
      JsonObject object;
      object.number("table_number", static_cast<std::int64_t>(i))
          .text("table", settings.shown[i].header)
          .text("key", key.name)
          .text("value", key.value)
          .text("origin", key.origin);
      array.add(std::move(object).finish());
    }
  }
  invocation.out << std::move(array).finish() << '\n';
}

void show(const ConfigOptions& options, Invocation& invocation) {
  const auto settings = load_settings(invocation, {{}, config::MissingReference::kWarning});
  if (!settings) return;
  if (invocation.format == OutputFormat::kTable) return print_toml(*settings, options, invocation);
  print_json(*settings, options, invocation);
}

}  // namespace

void add_config(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("config", "Write a sample configuration, or show the one in use");
  command->require_subcommand(1);
  set_examples(*command, "penstock config init --sink kafka > penstock.toml", "penstock config show --effective");
  auto options = std::make_shared<ConfigOptions>();

  CLI::App* sample = command->add_subcommand("init", "Print a commented sample");
  sample->add_option("--source", options->source, "Kind of the source")->type_name("KIND")->capture_default_str();
  sample->add_option("--sink", options->sinks, "Kind of a sink; may be repeated; default: console")
      ->type_name("KIND")
      ->allow_extra_args(false);
  set_examples(*sample, "penstock config init --source outbox --sink kafka > penstock.toml",
               "penstock config init --sink kafka --sink rabbitmq");
  sample->callback([options, &invocation] { init(*options, invocation); });

  CLI::App* shown = command->add_subcommand("show", "Print the configuration with its secrets masked");
  shown->add_flag("--effective", options->effective, "Defaults too, each value with its origin");
  add_config_option(*shown, invocation);
  add_output_options(*shown, invocation);
  set_examples(*shown, "penstock config show", "penstock config show --effective -o json");
  shown->callback([options, &invocation] { show(*options, invocation); });
}

}  // namespace penstock::cli
