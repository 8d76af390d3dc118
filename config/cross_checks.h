// What no single table can say: names, and which of them routes refer to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/declarations.h"
#include "config/problem.h"
#include "config/settings.h"

namespace penstock::config {

// A [[source]], [[sink]] or [[route]] as far as it could be read. Names are empty where they are
// missing or wrong, which has been reported already.
struct ReadEntry {
  std::string name;
  std::string kind;      // of a source or sink; empty if unknown
  std::string from, to;  // of a route
  Section section;
};

struct ReadFile {
  std::vector<ReadEntry> sources, sinks, routes;
};

// Null when no entry has this name.
const ReadEntry* find_entry(const std::vector<ReadEntry>& entries, std::string_view name);

// Pattern, reserved words and uniqueness of the names of sources, of sinks and of routes; gives
// routes without a name their default one.
void check_names(ReadFile& file, Problems& problems);

// That ends of routes exist, that a source feeds one route, that no two sources read the same table or slot, and what
// else two tables must agree on.
void check_routes(const ReadFile& file, const Declarations& declarations, Problems& problems);

// Sources and sinks that no route uses: warnings.
void warn_of_unused(const ReadFile& file, Problems& problems);

}  // namespace penstock::config
