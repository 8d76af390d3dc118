#include "relay/state_reporter.h"

#include <utility>

#include "core/without_exceptions.h"

namespace penstock::relay {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kEvery{2};
constexpr std::chrono::milliseconds kBetween{100};  // a burst of changes is one write

}  // namespace

StateReporter::StateReporter(store::RouteStates& states, Collect collect, Log& log)
    : states_(states), collect_(std::move(collect)), log_(log), thread_([this] { run(); }) {}

StateReporter::~StateReporter() {
  {
    std::lock_guard lock(mutex_);
    course_ = Course::kStop;
  }
  changed_.notify_all();
  thread_.join();
}

void StateReporter::poke() {
  {
    std::lock_guard lock(mutex_);
    ++asked_;
  }
  changed_.notify_all();
}

void StateReporter::flush(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = wanted_at_once_ = ++asked_;
  changed_.notify_all();
  changed_.wait_until(lock, deadline.time(), [&] { return done_ >= wanted || course_ == Course::kStop; });
}

void StateReporter::run() {
  std::unique_lock lock(mutex_);
  while (course_ == Course::kGoesOn) {
    const std::uint64_t round = asked_;
    lock.unlock();
    report();
    lock.lock();
    done_ = round;
    changed_.notify_all();
    const auto stopped = [this] { return course_ == Course::kStop; };
    changed_.wait_until(lock, steady_clock::now() + kEvery, [&] { return stopped() || asked_ != done_; });
    if (asked_ != done_)
      changed_.wait_until(lock, steady_clock::now() + kBetween, [&] { return stopped() || wanted_at_once_ > done_; });
  }
}

// A store that is away is the routes' to say; here it only means that status is out of date.
void StateReporter::report() {
  const Status reported = without_exceptions("reporting states", [&] { return states_.report(collect_()); });
  if (reported || &reported.error().code() != &codes::kInternal || said_ == Said::kDefect) return;
  log_.error("status", reported.error());
  said_ = Said::kDefect;
}

}  // namespace penstock::relay
