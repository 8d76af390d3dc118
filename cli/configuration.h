// Finding and loading the configuration for a command.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/invocation.h"
#include "config/load.h"

namespace penstock::cli {

// -c, else PENSTOCK_CONFIG, else ./penstock.toml if it is there.
std::optional<std::string> find_config_file(const Invocation& invocation);

enum class Warnings { kSay, kKeepQuiet };

struct ConfigurationWish {
  std::vector<config::Override> overrides;
  config::MissingReference missing_reference = config::MissingReference::kError;
  Warnings warnings = Warnings::kSay;
};

// Loads it, or says all that is wrong on standard error and sets the exit code to 78.
std::optional<config::Settings> load_settings(Invocation& invocation, const ConfigurationWish& wish);

// For commands that only look at the store: what a route or a sink refers to need not be at hand.
std::optional<config::Settings> load_settings_of_store(Invocation& invocation);

}  // namespace penstock::cli
