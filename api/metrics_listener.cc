#include "api/metrics_listener.h"

#include <utility>

#include "api/metrics_text.h"
#include "relay/supervisor.h"

namespace penstock::api {

Result<std::unique_ptr<MetricsListener>> MetricsListener::start(const ListenAddress& address, Shown shown) {
  std::unique_ptr<MetricsListener> listener(new MetricsListener(std::move(shown)));
  auto server =
      HttpServer::start(address, {}, [its = listener.get()](std::string_view path) { return its->answer(path); });
  if (!server) return fail(std::move(server.error()));
  listener->server_ = std::move(*server);
  return listener;
}

void MetricsListener::show(const relay::Supervisor* supervisor) {
  std::lock_guard lock(mutex_);
  supervisor_ = supervisor;
}

HttpAnswer MetricsListener::answer(std::string_view path) const {
  if (path != "/metrics")
    return {HttpAnswer::Status::kNotFound, "text/plain; charset=utf-8", "Only /metrics is answered here.\n"};
  return {HttpAnswer::Status::kOk, std::string(kMetricsContentType), metrics_text(figures())};
}

Figures MetricsListener::figures() const {
  Figures figures{shown_.clock.wall_now(), shown_.version, read_process_figures(), shown_.log(), {}};
  std::lock_guard lock(mutex_);
  if (supervisor_ != nullptr) figures.routes = supervisor_->reports();
  return figures;
}

}  // namespace penstock::api
