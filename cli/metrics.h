// The metrics listener of `penstock run`, as the configuration asks for it.
#pragma once

#include <memory>

#include "api/metrics_listener.h"
#include "cli/spdlog_log.h"
#include "config/settings.h"
#include "core/clock.h"

namespace penstock::cli {

// Says in the log where it listens; null where the configuration asks for none. `clock` and `log` outlive it. Error:
// api.listen_failed.
Result<std::unique_ptr<api::MetricsListener>> serve_metrics(const config::MetricsTable& table, const Clock& clock,
                                                            SpdlogLog& log);

}  // namespace penstock::cli
