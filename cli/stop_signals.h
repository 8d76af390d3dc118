// SIGTERM and SIGINT as events of the program instead of interruptions of a thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "core/clock.h"

namespace penstock::cli {

// From here on SIGTERM and SIGINT wait until StopSignals takes them, instead of ending the process. For the program's
// first moment: one that is told to stop while it starts still ends in order, with exit code 0.
void hold_back_stop_signals();

// Must be made before any other thread: the signals are blocked for the whole process and taken by a
// thread of its own. Destroying it ends the thread; the signals stay blocked.
class StopSignals {
 public:
  // `on_second` is called, on the signals' thread, when a signal comes after the first.
  explicit StopSignals(std::function<void()> on_second);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  enum class Waited { kStopped, kTimedOut };
  // Waits for the first signal.
  Waited wait_for(Duration duration);
  void wait();

 private:
  void run(const std::stop_token& ending);

  std::function<void()> on_second_;
  std::stop_source first_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

}  // namespace penstock::cli
