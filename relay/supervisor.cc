#include "relay/supervisor.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "relay/lease_keeper.h"
#include "relay/route.h"
#include "relay/state_reporter.h"

namespace penstock::relay {
namespace {

// After the deadline of a drain each route still closes its source and gives its lease back.
constexpr std::chrono::milliseconds kLeavingTakes{700};
constexpr std::chrono::seconds kLastReportTakes{1};

}  // namespace

struct Supervisor::Parts {
  Parts(store::Store& store, const connectors::Surroundings& surroundings, std::vector<RoutePlan> plans)
      : surroundings_copy(surroundings),
        keeper(store.leases(), surroundings_copy.clock, surroundings_copy.instance),
        reporter(
            store.route_states(), [this] { return states(); }, surroundings_copy.log) {
    std::lock_guard lock(routes_mutex);
    for (RoutePlan& plan : plans)
      routes.push_back(std::make_unique<Route>(
          std::move(plan), Route::Shared{store, surroundings_copy, keeper, turn, [this] { route_changed(); }}));
  }

  ~Parts() {
    for (const auto& route : routes) route->stop();
    for (const auto& route : routes) route->join();
  }

  std::vector<store::RouteState> states() const {
    std::lock_guard lock(routes_mutex);
    std::vector<store::RouteState> all;
    all.reserve(routes.size());
    for (const auto& route : routes) all.push_back(route->state());
    return all;
  }

  std::vector<NamedReport> reports() const {
    std::lock_guard lock(routes_mutex);
    std::vector<NamedReport> all;
    all.reserve(routes.size());
    for (const auto& route : routes) all.push_back(route->report());
    return all;
  }

  void route_changed() {
    reporter.poke();
    { std::lock_guard lock(mutex); }
    changed.notify_all();
  }

  bool all_ended() const {
    return std::all_of(routes.begin(), routes.end(),
                       [](const auto& route) { return route->progress() != Route::Progress::kRuns; });
  }

  bool all_drained() const {
    return std::all_of(routes.begin(), routes.end(),
                       [](const auto& route) { return route->progress() == Route::Progress::kEndedDrained; });
  }

  const connectors::Surroundings surroundings_copy;
  CareTurn turn;
  mutable std::mutex routes_mutex;  // the reporter's thread runs before the routes are made
  std::vector<std::unique_ptr<Route>> routes;

  std::mutex mutex;  // guards course
  std::condition_variable changed;
  enum class Course { kIdle, kRunning, kDraining, kStopped } course = Course::kIdle;

  // Destroyed in the opposite order: the reporter first, then the leases, then the routes.
  LeaseKeeper keeper;
  StateReporter reporter;
};

Supervisor::Supervisor(store::Store& store, const connectors::Surroundings& surroundings, std::vector<RoutePlan> plans)
    : parts_(std::make_unique<Parts>(store, surroundings, std::move(plans))) {}

Supervisor::~Supervisor() { stop_now(); }

void Supervisor::start() {
  {
    std::lock_guard lock(parts_->mutex);
    if (parts_->course != Parts::Course::kIdle) return;
    parts_->course = Parts::Course::kRunning;
  }
  for (const auto& route : parts_->routes) route->start();
}

Ended Supervisor::drain(Deadline deadline) {
  Parts& parts = *parts_;
  {
    std::unique_lock lock(parts.mutex);
    if (parts.course == Parts::Course::kIdle) return Ended::kDrained;
    if (parts.course != Parts::Course::kRunning) {
      lock.unlock();
      stop_now();
      return Ended::kDeadlinePassed;
    }
    parts.course = Parts::Course::kDraining;
  }
  for (const auto& route : parts.routes) route->drain(deadline.time());
  {
    std::unique_lock lock(parts.mutex);
    parts.changed.wait_until(lock, deadline.time() + kLeavingTakes,
                             [&] { return parts.all_ended() || parts.course == Parts::Course::kStopped; });
    if (parts.course == Parts::Course::kStopped) return Ended::kDeadlinePassed;
  }
  parts.reporter.flush(Deadline::in(kLastReportTakes));
  if (parts.all_drained()) return Ended::kDrained;
  return deadline.expired() ? Ended::kDeadlinePassed : Ended::kLeftUnsettled;
}

void Supervisor::stop_now() {
  {
    std::lock_guard lock(parts_->mutex);
    parts_->course = Parts::Course::kStopped;
  }
  parts_->changed.notify_all();
  for (const auto& route : parts_->routes) route->stop();
}

std::vector<store::RouteState> Supervisor::states() const { return parts_->states(); }
std::vector<NamedReport> Supervisor::reports() const { return parts_->reports(); }

}  // namespace penstock::relay
