// The keys of the tables that belong to no connector, as data: the parser, `config show`, `config
// init` and the reference page all read these rows.
#pragma once

#include <span>
#include <string_view>

#include "core/section.h"

namespace penstock::config {

// Of every source and of every sink, beside those of its kind.
std::span<const FieldSpec> source_fields();
std::span<const FieldSpec> sink_fields();
// Of every route, beside those that the kind of its sink declares.
std::span<const FieldSpec> route_fields();

// A single table of the file: not repeated, so its keys can be overridden from outside.
struct GlobalTable {
  std::string_view name;
  std::string_view help;
  std::span<const FieldSpec> fields;
};
std::span<const GlobalTable> global_tables();

// Keys and words of the documented format that this version refuses as not built yet. `table` is
// "source", "sink", "route" or empty for the top level.
bool is_later_key(std::string_view table, std::string_view key);
bool is_later_word(std::string_view table, std::string_view key, std::string_view word);

}  // namespace penstock::config
