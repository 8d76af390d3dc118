// Headers that a wire form writes itself, and a route may not write too: consumers would find two of one name.
#pragma once

#include <vector>

#include "connectors/message.h"
#include "connectors/section.h"

namespace penstock::connectors {

// An error for each name in the route's `headers` that `wire` writes out of the event itself.
std::vector<SectionError> check_header_names(const Section& route, const WireProfile& wire);

}  // namespace penstock::connectors
