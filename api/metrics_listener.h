// The metrics endpoint: GET /metrics, answered out of memory, so that a scrape reaches no database and no broker and is
// answered also while those are away.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

#include "api/figures.h"
#include "api/http_server.h"
#include "core/clock.h"

namespace penstock::relay {
class Supervisor;
}

namespace penstock::api {

// Threads: any; it has one of its own.
class MetricsListener {
 public:
  // What it shows besides the routes; all of it outlives the listener.
  struct Shown {
    const Clock& clock;
    std::string_view version;
    std::function<LogFigures()> log;  // thread-safe
  };

  // Error: api.listen_failed.
  static Result<std::unique_ptr<MetricsListener>> start(const ListenAddress& address, Shown shown);

  // With the port that it got.
  ListenAddress address() const { return server_->address(); }

  // From now on the routes of `supervisor` are shown; null: none. On return no scrape reads the former one.
  void show(const relay::Supervisor* supervisor);

 private:
  explicit MetricsListener(Shown shown) : shown_(std::move(shown)) {}
  HttpAnswer answer(std::string_view path) const;
  Figures figures() const;

  const Shown shown_;
  mutable std::mutex mutex_;  // guards supervisor_, also while it is read
  const relay::Supervisor* supervisor_ = nullptr;
  std::unique_ptr<HttpServer> server_;  // ends first
};

}  // namespace penstock::api
