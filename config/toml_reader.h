// One table of the parsed file, read against the keys that are declared for it. With toml_reader.cc
// and load.cc the only place that sees toml++.
#pragma once

#include <toml++/toml.h>

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "config/references.h"
#include "config/settings.h"
#include "core/section.h"

namespace penstock::config {

// What a reading shares with all others of the same file.
struct Reading {
  std::string_view file;
  References& references;
  // A reference that can't be resolved: an error, or, where the file is checked away from its place
  // of use, a warning.
  Problem::Severity unresolved = Problem::Severity::kError;
  Problems& problems;
};

Place place_of(const Reading& reading, const toml::source_region& source);

// "a string", "an integer" … of a node, for messages.
std::string type_of(const toml::node& node);

// What the file says of one table.
struct TableReading {
  Section section;
  std::vector<ShownKey> shown;
  // Keys whose reference has no value here: the connector's own checks can't be made.
  std::set<std::string, std::less<>> unresolved;
};

struct TableShape {
  std::string table;                     // "source", for the list of later keys
  std::string label;                     // "[[source]] orders", for messages
  std::vector<const FieldSpec*> fields;  // a later one of the same name wins
  std::string of_what = {};              // " of an outbox source"
};

// Appends fields to a shape.
void add_fields(TableShape& shape, std::span<const FieldSpec> fields);

// Reports unknown keys, wrong types and missing required keys; what is right is in the result.
TableReading read_table(const toml::table& table, const TableShape& shape, Reading& reading);

// Gives absent keys their defaults; a text whose reference has no value stays empty instead. Separate
// from reading, because an override may come between.
void fill_defaults(TableReading& result, const TableShape& shape);

}  // namespace penstock::config
