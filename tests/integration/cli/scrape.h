// What a running program shows to Prometheus.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/integration/cli/program.h"
#include "tests/support/http_talk.h"

namespace penstock::tests {

// The port that the program says it serves metrics at, by its log; nullopt as long as it says none.
inline std::optional<std::uint16_t> metrics_port(const RunningProgram& program) {
  constexpr std::string_view kBegin = "url=http://", kEnd = "/metrics";
  const std::string log = program.err();
  const auto begin = log.find(kBegin);
  const auto end = log.find(kEnd, begin);
  if (begin == std::string::npos || end == std::string::npos) return std::nullopt;
  return static_cast<std::uint16_t>(std::stoi(log.substr(log.rfind(':', end) + 1)));
}

// Everything; empty as long as nobody listens.
inline std::string scrape(const RunningProgram& program) {
  const auto port = metrics_port(program);
  return port ? http_get(*port, "/metrics").body : "";
}

// Scrapes until `text` is there, or gone.
inline bool shows(RunningProgram& program, std::string_view text) {
  return program.wait_until([&] { return scrape(program).find(text) != std::string::npos; });
}
inline bool stops_showing(RunningProgram& program, std::string_view text) {
  return program.wait_until([&] {
    const std::string all = scrape(program);
    return !all.empty() && all.find(text) == std::string::npos;
  });
}

}  // namespace penstock::tests
