// Values for keys of the global tables that come from outside the file.
#pragma once

#include <vector>

#include "config/load.h"

namespace penstock::config {

// The origin of a store's url that came by the alias.
inline constexpr std::string_view kDatabaseUrl = "environment variable DATABASE_URL";

// What the environment gives: PENSTOCK_STORE__URL, …; DATABASE_URL for the store's url. Weaker first.
std::vector<Override> overrides_of(const Environment& environment);

// Warns of PENSTOCK_* variables that mean nothing. Called once everything was read, since a reference
// may name any variable.
void warn_of_unknown_variables(const References& references, Problems& problems);

}  // namespace penstock::config
