// Figures in Prometheus' text format, version 0.0.4.
#pragma once

#include <string>
#include <string_view>

#include "api/figures.h"

namespace penstock::api {

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// A figure that is not known has no line; it is never shown as 0.
std::string metrics_text(const Figures& figures);

}  // namespace penstock::api
