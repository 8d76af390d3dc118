// The thread that writes the states of all routes to the store: every two seconds, and soon after a
// phase has changed. What can't be written is written the next time; nothing depends on it.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/log.h"
#include "store/route_states.h"

namespace penstock::relay {

class StateReporter {
 public:
  using Collect = std::function<std::vector<store::RouteState>()>;

  // `states`, `log` and what `collect` uses outlive it; `collect` is called from its thread.
  StateReporter(store::RouteStates& states, Collect collect, Log& log);
  ~StateReporter();
  StateReporter(const StateReporter&) = delete;
  StateReporter& operator=(const StateReporter&) = delete;

  // A phase has changed. Never waits.
  void poke();
  // Waits until what is the case now has been written, or was tried, or the deadline has come.
  void flush(Deadline deadline);

 private:
  void run();
  void report();

  store::RouteStates& states_;
  const Collect collect_;
  Log& log_;
  enum class Said { kNothing, kDefect } said_ = Said::kNothing;  // of the thread
  std::mutex mutex_;                                             // guards what follows
  std::condition_variable changed_;
  std::uint64_t asked_ = 1, done_ = 0;  // rounds
  std::uint64_t wanted_at_once_ = 0;    // the round that somebody waits for
  enum class Course { kGoesOn, kStop } course_ = Course::kGoesOn;
  std::jthread thread_;
};

}  // namespace penstock::relay
