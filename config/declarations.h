// What connectors declare to the configuration: their names, their keys, their own checks. The
// composition root fills this from the catalogue of connectors, which this room does not know.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/section.h"

namespace penstock::config {

struct SourceDeclaration {
  std::string_view name;   // word in `kind =`
  std::string_view title;  // for people
  std::span<const FieldSpec> fields;
  // What FieldSpecs can't say; may be empty.
  std::function<std::vector<SectionError>(const Section&)> check;
};

struct SinkDeclaration {
  std::string_view name;
  std::string_view title;
  std::span<const FieldSpec> fields;
  std::span<const FieldSpec> route_fields;  // keys of a route to such a sink; texts are templates
  std::vector<std::string_view> wires;      // words of `wire =`; the first is the default
  std::function<std::vector<SectionError>(const Section&)> check;
  // What is wrong with a route to such a sink, beyond its templates' placeholders.
  std::function<std::vector<SectionError>(const Section&)> check_route;
};

struct Declarations {
  std::vector<SourceDeclaration> sources;
  std::vector<SinkDeclaration> sinks;
  // What is wrong with a template of a route ("unknown placeholder …"); nullopt when it is fine.
  std::function<std::optional<std::string>(std::string_view text)> check_template;
  // Of [store].
  std::function<std::vector<SectionError>(const Section&)> check_store;

  const SourceDeclaration* find_source(std::string_view name) const;
  const SinkDeclaration* find_sink(std::string_view name) const;
};

}  // namespace penstock::config
