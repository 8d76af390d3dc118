#include "relay/source_pump.h"

#include <algorithm>
#include <utility>

namespace penstock::relay {
namespace {

using std::chrono::steady_clock;

}  // namespace

SourcePump::SourcePump(std::unique_ptr<connectors::Source> source, SourceWorker::Lists lists, SourceWorker::Names names,
                       std::uint32_t attempts, RouteInbox& inbox, Duration keep_alive)
    : source_(std::move(source)),
      worker_(*source_, lists, std::move(names), attempts),
      inbox_(inbox),
      keep_alive_(keep_alive),
      thread_([this] { run(); }) {}

SourcePump::~SourcePump() {
  {
    std::lock_guard lock(mutex_);
    course_ = Course::kStop;
  }
  posted_.notify_one();
  interrupt_.end();
  source_->give_up();
  thread_.join();
}

void SourcePump::post(SourceCommand command) {
  std::stop_source under_way{std::nostopstate};
  {
    std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
    // Together with the post, or the thread that takes the command at once would be interrupted by it.
    under_way = interrupt_.renew();
  }
  posted_.notify_one();
  under_way.request_stop();
}

void SourcePump::run() {
  std::unique_lock lock(mutex_);
  while (course_ == Course::kGoesOn) {
    if (commands_.empty()) {
      if (rest_until(SteadyTime::max(), lock) == Rest::kCutShort) continue;
      lock.unlock();
      inbox_.answer(SourceLost{worker_.last_error()}, source_->figures());
      lock.lock();
      continue;
    }
    SourceCommand command = std::move(commands_.front());
    commands_.pop_front();
    const std::stop_token stop = interrupt_.token();  // ended by whatever is posted from here on
    const auto* read = std::get_if<ReadSource>(&command);
    if (read != nullptr && rest_until(read->not_before, lock) == Rest::kCutShort) {
      connectors::ReadBatch none;
      none.idle_for = read->not_before - steady_clock::now();
      lock.unlock();
      inbox_.answer(SourceRead{std::move(none), SourceRead::Cut::kShort}, source_->figures());
      lock.lock();
      continue;
    }
    lock.unlock();
    carry_out(std::move(command), stop);
    lock.lock();
  }
}

// Over at its end, or once the source is lost, which the next call on it says. Cut short by a command.
SourcePump::Rest SourcePump::rest_until(SteadyTime end, std::unique_lock<std::mutex>& lock) {
  while (steady_clock::now() < end) {
    const bool cut_short = posted_.wait_until(lock, std::min(end, steady_clock::now() + keep_alive_),
                                              [this] { return !commands_.empty() || course_ == Course::kStop; });
    if (cut_short) return Rest::kCutShort;
    if (steady_clock::now() >= end) return Rest::kOver;
    lock.unlock();
    const Status alive = worker_.keep_alive();
    lock.lock();
    if (!alive) return Rest::kOver;
  }
  return Rest::kOver;
}

// `stop` tells of commands that were posted since; one that was posted before is seen by the look into
// the queue.
void SourcePump::carry_out(SourceCommand command, const std::stop_token& stop) {
  bool another_waits = false;
  {
    std::lock_guard lock(mutex_);
    another_waits = !commands_.empty() || course_ == Course::kStop;
  }
  SourceAnswer answer = [&] {
    if (!another_waits) return worker_.carry_out(std::move(command), stop);
    std::stop_source at_once;
    at_once.request_stop();
    const bool interruptible = std::holds_alternative<ReadSource>(command);
    return worker_.carry_out(std::move(command), interruptible ? at_once.get_token() : stop);
  }();
  inbox_.answer(std::move(answer), source_->figures());
}

}  // namespace penstock::relay
