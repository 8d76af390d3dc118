#include "config/settings.h"

#include <algorithm>

namespace penstock::config {
namespace {

const Endpoint* find_endpoint(const std::vector<Endpoint>& endpoints, std::string_view name) {
  const auto found = std::ranges::find(endpoints, name, &Endpoint::name);
  return found == endpoints.end() ? nullptr : &*found;
}

}  // namespace

const Endpoint* Settings::find_source(std::string_view name) const { return find_endpoint(sources, name); }
const Endpoint* Settings::find_sink(std::string_view name) const { return find_endpoint(sinks, name); }

}  // namespace penstock::config
