// What waits for an operator, by what the store knows of a program that runs, or ran: gaps that nobody has
// acknowledged, routes that stand still. Takes no lease, writes nothing.
#pragma once

#include <string_view>
#include <vector>

#include "config/settings.h"
#include "connectors/kind.h"
#include "core/log.h"

namespace penstock::cli {

// Nothing where there is no store yet; a warning where it doesn't answer.
std::vector<connectors::Finding> find_waiting(const config::Settings& settings, Log& log);

// The same of one source, and of the route that it feeds.
std::vector<connectors::Finding> find_waiting(const config::Settings& settings, std::string_view source, Log& log);

}  // namespace penstock::cli
