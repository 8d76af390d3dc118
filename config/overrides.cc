#include "config/overrides.h"

#include <algorithm>
#include <cctype>

#include "config/nearest.h"
#include "config/tables.h"

namespace penstock::config {
namespace {

constexpr std::string_view kPrefix = "PENSTOCK_";

// "store", "url" → "PENSTOCK_STORE__URL"
std::string variable_of(std::string_view table, std::string_view key) {
  std::string name(kPrefix);
  name.append(table).append("__").append(key);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

std::vector<std::string> known_variables() {
  std::vector<std::string> names{"PENSTOCK_CONFIG"};
  for (const GlobalTable& table : global_tables()) {
    for (const FieldSpec& field : table.fields) names.push_back(variable_of(table.name, field.name));
  }
  return names;
}

// Variables of the test suites and of the test program, which the program itself passes over: suites name theirs
// PENSTOCK_TEST_…, so that no list has to be kept here.
bool is_exempt(std::string_view name) {
  return name == "PENSTOCK_FAILPOINT" || name == "PENSTOCK_SEED" || name.starts_with("PENSTOCK_TEST_");
}

// Kubernetes gives every container a variable of this form for each service, and means "tcp://10.0.0.1:9090" by it.
bool names_port(const Environment& environment, std::string_view variable) {
  const auto found = environment.find(variable);
  return found != environment.end() && found->second.find("://") == std::string::npos;
}

}  // namespace

std::vector<Override> overrides_of(const Environment& environment) {
  std::vector<Override> overrides;
  const auto add = [&](const std::string& variable, std::string key, const std::string& before = "") {
    const auto found = environment.find(variable);
    if (found == environment.end() || found->second.empty()) return;
    overrides.push_back({std::move(key), before + found->second, "environment variable " + variable});
  };
  add("DATABASE_URL", "store.url");
  if (names_port(environment, "PROM_PORT")) add("PROM_PORT", "metrics.listen", "127.0.0.1:");
  for (const GlobalTable& table : global_tables()) {
    for (const FieldSpec& field : table.fields) {
      add(variable_of(table.name, field.name), std::string(table.name).append(".").append(field.name));
    }
  }
  return overrides;
}

void warn_of_unknown_variables(const References& references, Problems& problems) {
  const std::vector<std::string> names = known_variables();
  const std::vector<std::string_view> known(names.begin(), names.end());
  for (const auto& [name, value] : references.environment()) {
    if (!name.starts_with(kPrefix) || is_exempt(name) || references.was_used(name)) continue;
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string message = "unknown variable; it changes nothing";
    if (const auto near = nearest_name(name, known); !near.empty()) {
      message.append(" (did you mean `").append(near).append("`?)");
    }
    problems.warning("environment variable " + name, message);
  }
}

}  // namespace penstock::config
