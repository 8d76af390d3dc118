#include "cli/metrics.h"

namespace penstock::cli {
namespace {

api::LogFigures figures_of(const SpdlogLog& log) {
  api::LogFigures figures;
  for (const LogLevel level : kAllLogLevels) figures.lines[static_cast<std::size_t>(level)] = log.lines(level);
  figures.dropped = log.dropped();
  return figures;
}

}  // namespace

Result<std::unique_ptr<api::MetricsListener>> serve_metrics(const config::MetricsTable& table, const Clock& clock,
                                                            SpdlogLog& log) {
  if (!table.listen) return nullptr;
  auto listener =
      api::MetricsListener::start(*table.listen, {clock, PENSTOCK_VERSION, [&log] { return figures_of(log); }});
  if (!listener) return fail(std::move(listener.error()).with_context("[metrics] listen"));
  const std::string address = to_string((*listener)->address());
  log.info("metrics", "metrics are served", {{"url", "http://" + address + "/metrics"}});
  if (!is_loopback(*table.listen))
    log.write(LogLevel::kWarn, "metrics", {},
              "everyone who reaches this address can read the metrics: there is no authentication",
              {{"address", address}});
  return listener;
}

}  // namespace penstock::cli
