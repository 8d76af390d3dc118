// Trying what a configuration names: the store, the databases of sources, the brokers. Read-only.
#pragma once

#include <vector>

#include "config/settings.h"
#include "connectors/kind.h"
#include "core/log.h"

namespace penstock::cli {

// The result is in the order store, sources, sinks. Each system is given some seconds.
std::vector<connectors::Finding> inspect(const config::Settings& settings, Log& log);

// The same of one source.
std::vector<connectors::Finding> inspect_source(const config::Endpoint& source);

}  // namespace penstock::cli
