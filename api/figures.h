// All that one scrape shows, as it was found at that moment.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "api/process_figures.h"
#include "core/clock.h"
#include "core/log.h"
#include "relay/route_report.h"

namespace penstock::api {

struct LogFigures {
  std::array<std::uint64_t, std::size(kAllLogLevels)> lines{};  // by level
  std::uint64_t dropped = 0;
};

struct Figures {
  Timestamp now{};
  std::string_view version;
  ProcessFigures process;
  LogFigures log;
  std::optional<std::vector<relay::NamedReport>> routes;  // empty: the store is waited for, no route was made yet
};

}  // namespace penstock::api
