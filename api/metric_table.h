// The closed table of metrics, metric_table.def, as data.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace penstock::api {

enum class Metric {
#define PENSTOCK_METRIC(identifier, group, name, type, labels, meaning) identifier,
#include "api/metric_table.def"
#undef PENSTOCK_METRIC
};

enum class MetricGroup { kProcess, kProgram, kRoutes, kSources };
enum class MetricType { kCounter, kGauge };

struct MetricRow {
  MetricGroup group;
  std::string_view name;
  MetricType type;
  std::string_view labels;  // their names: "route,state"
  std::string_view meaning;
};

// In the order of the enumerators.
std::span<const MetricRow> metric_rows();

std::vector<std::string_view> label_names(const MetricRow& row);

}  // namespace penstock::api
