#include "config/declarations.h"

#include <algorithm>

namespace penstock::config {

const SourceDeclaration* Declarations::find_source(std::string_view name) const {
  const auto found = std::ranges::find(sources, name, &SourceDeclaration::name);
  return found == sources.end() ? nullptr : &*found;
}

const SinkDeclaration* Declarations::find_sink(std::string_view name) const {
  const auto found = std::ranges::find(sinks, name, &SinkDeclaration::name);
  return found == sinks.end() ? nullptr : &*found;
}

}  // namespace penstock::config
