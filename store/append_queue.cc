#include "store/append_queue.h"

#include <memory>

#include "core/invariant.h"

namespace penstock::store {
namespace {

tl::unexpected<Error> held_back() { return fail(codes::kStoreHeldBack, "an earlier append of the same call failed"); }

bool holds_back(const AppendRequest& request) { return request.after_failure == AfterFailure::kHoldBack; }

}  // namespace

AppendQueue::AppendQueue(BatchAppender& appender, AppendQueueSettings settings)
    : appender_(appender), settings_(settings), thread_([this] { run(); }) {}

AppendQueue::~AppendQueue() { stop(Deadline::in(std::chrono::seconds(0))); }

void AppendQueue::push(std::vector<AppendRequest> requests, Deadline deadline, Done done) {
  auto group = std::make_shared<Group>(Group{std::move(requests), deadline, std::move(done)});
  std::vector<Refusal> refused = refuse_unfit(*group);
  const std::size_t unfit = refused.size();
  std::size_t index = 0;
  bool stopped = false;
  {
    std::lock_guard lock(mutex_);
    stopped = phase_ != Phase::kRunning;
    for (std::size_t next_unfit = 0; !stopped && index < group->requests.size(); ++index) {
      if (next_unfit < unfit && refused[next_unfit].first == index) {
        ++next_unfit;
        continue;
      }
      const std::size_t bytes = group->requests[index].size_bytes();
      if (queued_bytes_ > 0 && queued_bytes_ + bytes > settings_.queue_bytes) break;
      queue_.push_back({group, index});
      queued_bytes_ += bytes;
    }
  }
  wake_.notify_one();
  for (auto& [at, error] : refused) {
    if (at < index) group->done(at, fail(std::move(error)));
  }
  for (; index < group->requests.size(); ++index) {
    group->done(index, stopped ? fail(codes::kStopped, "the store is closing")
                               : fail(codes::kStoreQueueFull, "the queue of appends is full"));
  }
}

std::vector<AppendQueue::Refusal> AppendQueue::refuse_unfit(const Group& group) const {
  std::vector<Refusal> refused;
  bool hold_back = false;
  for (std::size_t i = 0; i < group.requests.size(); ++i) {
    const AppendRequest& request = group.requests[i];
    Status fits = hold_back && holds_back(request) ? held_back() : check_append(request, settings_.limits);
    if (fits) continue;
    hold_back = hold_back || holds_back(request);
    refused.emplace_back(i, std::move(fits.error()));
  }
  return refused;
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
      } else if (entry.group->tail == Group::Tail::kHeldBack && holds_back(entry.group->requests[entry.index])) {
        entry.group->done(entry.index, held_back());
      } else if (entry.group->deadline.expired()) {
        entry.group->tail = Group::Tail::kHeldBack;
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
    if (!answers[i] && holds_back(group.requests[batch[i].index])) group.tail = Group::Tail::kHeldBack;
    group.done(batch[i].index, std::move(answers[i]));
  }
}

}  // namespace penstock::store
