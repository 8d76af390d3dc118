#include "store/append_queue.h"

#include <memory>

#include "core/invariant.h"

namespace penstock::store {
namespace {

// Whether a request failed by its own fault, so that it says nothing about the next one.
bool is_own_fault(ErrorKind kind) {
  return kind == ErrorKind::kConflict || kind == ErrorKind::kInvalid || kind == ErrorKind::kRejected;
}

}  // namespace

AppendQueue::AppendQueue(BatchAppender& appender, AppendQueueSettings settings)
    : appender_(appender), settings_(settings), thread_([this] { run(); }) {}

AppendQueue::~AppendQueue() { stop(Deadline::in(std::chrono::seconds(0))); }

void AppendQueue::push(std::vector<AppendRequest> requests, Deadline deadline, Done done) {
  auto group = std::make_shared<Group>(Group{std::move(requests), deadline, std::move(done), std::nullopt});
  std::size_t accepted = 0;
  bool stopped = false;
  {
    std::lock_guard lock(mutex_);
    stopped = phase_ != Phase::kRunning;
    for (; !stopped && accepted < group->requests.size(); ++accepted) {
      const std::size_t bytes = group->requests[accepted].size_bytes();
      if (queued_bytes_ > 0 && queued_bytes_ + bytes > settings_.queue_bytes) break;
      queue_.push_back({group, accepted});
      queued_bytes_ += bytes;
    }
  }
  wake_.notify_one();
  for (std::size_t i = accepted; i < group->requests.size(); ++i) {
    group->done(i, stopped ? fail(codes::kStopped, "the store is closing")
                           : fail(codes::kStoreQueueFull, "the queue of appends is full"));
  }
}

void AppendQueue::stop(Deadline deadline) {
  {
    std::lock_guard lock(mutex_);
    if (phase_ == Phase::kRunning) phase_ = Phase::kDraining;
    drain_until_ = deadline;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void AppendQueue::run() {
  for (;;) {
    const std::vector<Entry> batch = take_batch();
    if (batch.empty()) return;
    std::vector<Entry> tried;
    std::vector<const AppendRequest*> requests;
    tried.reserve(batch.size());
    requests.reserve(batch.size());
    const bool refusing = [this] {
      std::lock_guard lock(mutex_);
      return phase_ == Phase::kDraining && drain_until_.expired();
    }();
    for (const Entry& entry : batch) {
      if (refusing) {
        entry.group->done(entry.index, fail(codes::kStopped, "the store closed before the append was tried"));
      } else if (entry.group->broken_by) {
        entry.group->done(entry.index, fail(*entry.group->broken_by));
      } else if (entry.group->deadline.expired()) {
        entry.group->done(entry.index, fail(codes::kTimeout, "the append waited too long for its turn"));
      } else {
        tried.push_back(entry);
        requests.push_back(&entry.group->requests[entry.index]);
      }
    }
    if (!tried.empty()) answer(tried, appender_.append_batch(requests));
  }
}

std::vector<AppendQueue::Entry> AppendQueue::take_batch() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return !queue_.empty() || phase_ != Phase::kRunning; });
  std::vector<Entry> batch;
  std::size_t events = 0, bytes = 0;
  while (!queue_.empty()) {
    const AppendRequest& request = queue_.front().group->requests[queue_.front().index];
    const std::size_t request_bytes = request.size_bytes();
    events += request.events.size();
    bytes += request_bytes;
    if (!batch.empty() && (events > settings_.batch_events || bytes > settings_.batch_bytes)) break;
    queued_bytes_ -= request_bytes;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

void AppendQueue::answer(std::span<const Entry> batch, std::vector<Result<AppendReceipt>> answers) {
  INVARIANT(answers.size() == batch.size(), "a backend answers every request of a batch");
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Group& group = *batch[i].group;
    if (!answers[i] && !is_own_fault(answers[i].error().kind()) && !group.broken_by) group.broken_by = answers[i].error();
    group.done(batch[i].index, std::move(answers[i]));
  }
}

}  // namespace penstock::store
