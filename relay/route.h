// One route in its threads: the route's own (state machine and sink) and the one of its source. See
// docs/threads.md.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "relay/lease_keeper.h"
#include "relay/route_inbox.h"
#include "relay/route_machine.h"
#include "relay/source_pump.h"
#include "relay/supervisor.h"

namespace penstock::relay {

class Route {
 public:
  struct Shared {
    store::Store& store;
    const connectors::Surroundings& surroundings;
    LeaseKeeper& leases;
    CareTurn& turn;
    std::function<void()> changed;  // phase changed, or it has ended; from the route's thread, quick
  };

  // Everything shared outlives it.
  Route(RoutePlan plan, Shared shared);
  // Ends the threads at once.
  ~Route();
  Route(const Route&) = delete;
  Route& operator=(const Route&) = delete;

  void start();
  // Thread-safe; see Supervisor::drain() and stop_now().
  void drain(SteadyTime deadline);
  void stop();
  // Waits for the threads; after stop(), or when it has ended.
  void join();

  enum class Progress { kRuns, kEndedDrained, kEnded };
  Progress progress() const { return progress_.load(); }
  store::RouteState state() const;
  NamedReport report() const;

 private:
  void run();
  Progress run_to_its_end();
  void wait_for_the_end();
  Status make_ends(LeasePort& lease);
  SteadyTime step(RouteInbox::Post& post);
  void publish();

  const RoutePlan plan_;
  const Shared shared_;
  RouteInbox inbox_;
  Interrupt interrupt_;
  std::stop_token until_posted_;  // ended by what comes after the last look into the inbox
  RouteVoice voice_;

  // Of the route's thread. The sink is destroyed first, which reads messages of the machine until then; the pump waits
  // for the source's last call.
  std::unique_ptr<SourcePump> pump_;
  std::unique_ptr<RouteMachine> machine_;  // null until both ends could be made
  std::unique_ptr<connectors::Sink> sink_;
  std::uint64_t published_changes_ = 0;
  SteadyTime published_at_{};
  enum class Figures { kPublished, kNewer } figures_ = Figures::kNewer;

  std::atomic<Progress> progress_ = Progress::kRuns;
  mutable std::mutex mutex_;  // guards published_
  RouteReport published_;
  std::jthread thread_;
};

}  // namespace penstock::relay
