#include "api/metric_table.h"

#include <algorithm>

namespace penstock::api {
namespace {

constexpr MetricRow kRows[] = {
#define PENSTOCK_METRIC(identifier, group, name, type, labels, meaning) \
  {MetricGroup::group, name, MetricType::type, labels, meaning},
#include "api/metric_table.def"
#undef PENSTOCK_METRIC
};

}  // namespace

std::span<const MetricRow> metric_rows() { return kRows; }

std::vector<std::string_view> label_names(const MetricRow& row) {
  std::vector<std::string_view> names;
  for (std::string_view rest = row.labels; !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    names.push_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return names;
}

}  // namespace penstock::api
