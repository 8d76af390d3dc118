#include "cli/configuration.h"

#include <unistd.h>

#include "cli/catalogue.h"
#include "config/overrides.h"

namespace penstock::cli {
namespace {

constexpr std::string_view kDefaultFile = "penstock.toml";

// Where the file names a store that DATABASE_URL, often set for another program, comes before; empty if it doesn't.
std::string url_passed_over(const config::Settings& settings) {
  for (const config::ShownTable& table : settings.shown)
    for (const config::ShownKey& key : table.keys)
      if (table.header == "[store]" && key.name == "url" && key.origin == config::kDatabaseUrl) return key.instead_of;
  return {};
}

}  // namespace

std::optional<std::string> find_config_file(const Invocation& invocation) {
  if (!invocation.config_path.empty()) return invocation.config_path;
  const auto variable = invocation.environment.find("PENSTOCK_CONFIG");
  if (variable != invocation.environment.end() && !variable->second.empty()) return variable->second;
  std::string path(kDefaultFile);
  if (::access(path.c_str(), F_OK) == 0) return path;
  return std::nullopt;
}

std::optional<config::Settings> load_settings(Invocation& invocation, const ConfigurationWish& wish) {
  const auto path = find_config_file(invocation);
  if (!path) {
    invocation.fail(ExitCode::kConfig,
                    "there is no configuration: give -c FILE, set PENSTOCK_CONFIG, or put penstock.toml here "
                    "(`penstock config init > penstock.toml` writes one)");
    return std::nullopt;
  }
  config::LoadRequest request{*path, invocation.environment, wish.overrides, wish.missing_reference};
  config::Loaded loaded = config::load_file(request, declarations());
  for (const config::Problem& problem : loaded.problems) {
    const bool is_warning = problem.severity == config::Problem::Severity::kWarning;
    // Without a store nothing goes on, and one of them says why.
    const bool has_store = loaded.settings && !loaded.settings->store.url.empty();
    if (is_warning && wish.warnings == Warnings::kKeepQuiet && has_store) continue;
    invocation.err << to_string(problem) << '\n';
  }
  if (!loaded.settings) invocation.exit = ExitCode::kConfig;
  return std::move(loaded.settings);
}

std::optional<config::Settings> load_settings_of_store(Invocation& invocation) {
  auto settings = load_settings(invocation, {{}, config::MissingReference::kWarning, Warnings::kKeepQuiet});
  // The one warning that is never kept quiet: a command must not act on another store unseen.
  if (settings) {
    if (const std::string file = url_passed_over(*settings); !file.empty())
      invocation.err << "penstock: note: the store is that of DATABASE_URL, not that of " << file << '\n';
  }
  if (settings && settings->store.url.empty()) {
    invocation.fail(
        Error(codes::kConfigReferenceMissing, "[store] url refers to something that is not here, see above"));
    return std::nullopt;
  }
  return settings;
}

}  // namespace penstock::cli
