#include "cli/stop_signals.h"

#include <pthread.h>

#include <csignal>

namespace penstock::cli {
namespace {

// Ends the thread's wait from inside the program.
int wake_signal() { return SIGRTMIN; }

sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, wake_signal());
  return set;
}

}  // namespace

void hold_back_stop_signals() {
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

StopSignals::StopSignals(std::function<void()> on_second) : on_second_(std::move(on_second)) {
  hold_back_stop_signals();
  thread_ = std::jthread([this](const std::stop_token& ending) { run(ending); });
}

StopSignals::~StopSignals() {
  thread_.request_stop();
  pthread_kill(thread_.native_handle(), wake_signal());
}

void StopSignals::run(const std::stop_token& ending) {
  const sigset_t signals = awaited_signals();
  while (!ending.stop_requested()) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0 || signal == wake_signal()) continue;
    if (first_.stop_requested()) {
      on_second_();
      continue;
    }
    std::lock_guard lock(mutex_);
    first_.request_stop();
    stopped_.notify_all();
  }
}

StopSignals::Waited StopSignals::wait_for(Duration duration) {
  std::unique_lock lock(mutex_);
  const bool stopped = stopped_.wait_for(lock, duration, [&] { return first_.stop_requested(); });
  return stopped ? Waited::kStopped : Waited::kTimedOut;
}

void StopSignals::wait() {
  std::unique_lock lock(mutex_);
  stopped_.wait(lock, [&] { return first_.stop_requested(); });
}

}  // namespace penstock::cli
