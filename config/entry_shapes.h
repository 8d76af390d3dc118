// Which keys a [[source]], [[sink]] or [[route]] may have: those of every such table and those that the
// kind behind it declares.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "config/cross_checks.h"
#include "config/declarations.h"
#include "config/toml_reader.h"

namespace penstock::config {

struct EntryShape {
  TableShape shape;
  std::string kind;  // of a source or a sink; empty if it is missing or unknown
};

// Owns fields that shapes point to: outlives them.
class EntryShapes {
 public:
  explicit EntryShapes(const Declarations& declarations) : declarations_(declarations) {}

  // `name` is "source", "sink" or "route"; `file` holds the sinks before the routes are asked for.
  // Reports a kind that is unknown; its keys are then those of all kinds.
  EntryShape shape_of(std::string_view name, const toml::table& table, const ReadFile& file, Reading& reading);

 private:
  EntryShape source_shape(const toml::table& table, Reading& reading);
  EntryShape sink_shape(const toml::table& table, Reading& reading);
  EntryShape route_shape(const toml::table& table, const ReadFile& file);
  void drop_default(TableShape& shape, std::string_view name);
  void make_optional(TableShape& shape, std::size_t from);

  const Declarations& declarations_;
  std::deque<FieldSpec> changed_fields_;
};

}  // namespace penstock::config
