// The reference page of the metrics, made of the rows that the scrape is made of.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace penstock::api {

struct MetricAlert {
  std::string_view expression;  // PromQL
  std::string_view lasts;       // `for:`
  std::string_view meaning;
};

// What is worth waking somebody for.
std::span<const MetricAlert> metric_alerts();

// docs/reference/metrics.md
std::string metrics_page();

}  // namespace penstock::api
