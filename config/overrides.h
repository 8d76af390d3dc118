// Values for keys of the global tables that come from outside the file.
#pragma once

#include <vector>

#include "config/load.h"

namespace penstock::config {

// Origins of values that came by an alias: a variable that is often set for another program.
inline constexpr std::string_view kDatabaseUrl = "environment variable DATABASE_URL";
inline constexpr std::string_view kPromPort = "environment variable PROM_PORT";

// What the environment gives: PENSTOCK_STORE__URL, …; DATABASE_URL for the store's url, PROM_PORT for the port on
// 127.0.0.1 where metrics are served. Weaker first.
std::vector<Override> overrides_of(const Environment& environment);

// Warns of PENSTOCK_* variables that mean nothing. Called once everything was read, since a reference
// may name any variable.
void warn_of_unknown_variables(const References& references, Problems& problems);

}  // namespace penstock::config
