#include "connectors/store/read_ahead.h"

#include <utility>

#include "core/without_exceptions.h"

namespace penstock::connectors {

void ReadAhead::begin(Position after, store::ReadLimit limit) {
  {
    std::lock_guard lock(mutex_);
    after_ = after;
    limit_ = limit;
    page_.reset();
    step_ = Step::kAsked;
    ++asked_;
  }
  changed_.notify_all();
  if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

bool ReadAhead::has_begun() const {
  std::lock_guard lock(mutex_);
  return step_ != Step::kNone;
}

std::optional<Result<store::LogPage>> ReadAhead::take(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, std::move(stop), [this] { return step_ == Step::kThere; })) return std::nullopt;
  step_ = Step::kNone;
  return std::exchange(page_, std::nullopt);
}

void ReadAhead::forget() {
  std::lock_guard lock(mutex_);
  step_ = Step::kNone;
  page_.reset();
  ++asked_;
}

void ReadAhead::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return step_ == Step::kAsked; })) {
    step_ = Step::kReading;
    const std::uint64_t number = asked_;
    const Position after = after_;
    const store::ReadLimit limit = limit_;
    lock.unlock();
    auto page = read(after, limit);
    lock.lock();
    if (number != asked_) continue;
    page_ = std::move(page);
    step_ = Step::kThere;
    changed_.notify_all();
  }
}

Result<store::LogPage> ReadAhead::read(Position after, store::ReadLimit limit) {
  return without_exceptions("the log", [&] { return log_.read_after(after, limit, filter_); });
}

}  // namespace penstock::connectors
