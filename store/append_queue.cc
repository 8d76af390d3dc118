#include "store/append_queue.h"

#include <algorithm>
#include <memory>

#include "core/invariant.h"

namespace penstock::store {
namespace {

using namespace std::chrono_literals;

// Between two tries of a request whose stream somebody else holds.
constexpr Duration kFirstPause = 5ms, kLongestPause = 100ms;

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
      queue_.push_back({++arrivals_, group, index, nullptr});
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

void AppendQueue::sequence() {
  std::unique_lock lock(mutex_);
  const std::uint64_t ours = ++sequences_asked_;
  wake_.notify_one();
  sequenced_.wait(lock, [&] { return sequences_done_ >= ours || phase_ != Phase::kRunning; });
}

void AppendQueue::stop(Deadline deadline) {
  {
    std::lock_guard lock(mutex_);
    if (phase_ == Phase::kRunning) phase_ = Phase::kDraining;
    drain_until_ = deadline;
  }
  wake_.notify_one();
  sequenced_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void AppendQueue::run() {
  for (;;) {
    Turn turn = take_turn();
    if (turn.next == Turn::Next::kEnd) return;
    std::vector<Entry> tried = sort_out(std::move(turn.batch));
    const bool sequences = turn.sequences > 0;
    if (!tried.empty() || sequences) {
      std::vector<const AppendRequest*> requests;
      requests.reserve(tried.size());
      for (const Entry& entry : tried) requests.push_back(&entry.request());
      answer(std::move(tried), appender_.append_batch(requests));
    }
    if (!sequences) continue;
    {
      std::lock_guard lock(mutex_);
      sequences_done_ += turn.sequences;
    }
    sequenced_.notify_all();
  }
}

bool AppendQueue::has_work() const {
  return !queue_.empty() || sequences_asked_ > sequences_done_ || phase_ != Phase::kRunning;
}

AppendQueue::Turn AppendQueue::take_turn() {
  std::unique_lock lock(mutex_);
  if (aside_.empty())
    wake_.wait(lock, [this] { return has_work(); });
  else
    wake_.wait_until(lock, next_try_, [this] { return has_work(); });
  Turn turn;
  turn.sequences = sequences_asked_ - sequences_done_;
  turn.batch = take_batch();
  if (turn.batch.empty() && phase_ != Phase::kRunning) {
    if (aside_.empty()) {
      turn.next = Turn::Next::kEnd;
    } else {
      // Draining: there is nothing to do but to wait for those who hold the streams.
      wake_.wait_until(lock, std::min(next_try_, drain_until_.time()), [] { return false; });
    }
  }
  return turn;
}

// What stands aside and is to be tried again comes first: it is older. Who has to stand behind one that
// is not tried now joins it.
std::vector<AppendQueue::Entry> AppendQueue::take_batch() {
  std::vector<Entry> batch;
  std::size_t events = 0, bytes = 0;
  const auto has_room_for = [&](const AppendRequest& request) {
    const std::size_t more = request.size_bytes();
    if (!batch.empty() &&
        (events + request.events.size() > settings_.batch_events || bytes + more > settings_.batch_bytes))
      return false;
    events += request.events.size();
    bytes += more;
    return true;
  };
  const bool ending = phase_ != Phase::kRunning && drain_until_.expired();
  if (ending || std::chrono::steady_clock::now() >= next_try_) {
    while (!aside_.empty() && (ending || has_room_for(aside_.begin()->second.request()))) {
      queued_bytes_ -= aside_.begin()->second.request().size_bytes();
      batch.push_back(std::move(aside_.extract(aside_.begin()).mapped()));
    }
  }
  std::unordered_set<std::string_view> occupied;
  for (const auto& [number, entry] : aside_)
    for (const std::string_view stream : entry.request().streams()) occupied.insert(stream);
  while (!queue_.empty()) {
    const AppendRequest& request = queue_.front().request();
    const auto streams = request.streams();
    if (std::any_of(streams.begin(), streams.end(), [&](std::string_view name) { return occupied.contains(name); })) {
      occupied.insert(streams.begin(), streams.end());
      aside_.emplace(queue_.front().number, std::move(queue_.front()));
    } else {
      if (!has_room_for(request)) break;
      queued_bytes_ -= request.size_bytes();
      batch.push_back(std::move(queue_.front()));
    }
    queue_.pop_front();
  }
  return batch;
}

std::vector<AppendQueue::Entry> AppendQueue::sort_out(std::vector<Entry> batch) {
  const bool refusing = [this] {
    std::lock_guard lock(mutex_);
    return phase_ == Phase::kDraining && drain_until_.expired();
  }();
  std::vector<Entry> tried;
  tried.reserve(batch.size());
  for (Entry& entry : batch) {
    if (refusing) {
      end(entry, fail(codes::kStopped, "the store closed before the append was tried"));
    } else if (entry.group->tail == Group::Tail::kHeldBack && holds_back(entry.request())) {
      end(entry, held_back());
    } else if (entry.group->deadline.expired()) {
      end(entry, entry.last_answer ? fail(*entry.last_answer)
                                   : fail(codes::kTimeout, "the append waited too long for its turn"));
    } else {
      tried.push_back(std::move(entry));
    }
  }
  return tried;
}

void AppendQueue::answer(std::vector<Entry> tried, std::vector<Result<AppendReceipt>> answers) {
  INVARIANT(answers.size() == tried.size(), "a backend answers every request of a batch");
  std::vector<Entry> locked;
  for (std::size_t i = 0; i < tried.size(); ++i) {
    if (!answers[i] && &answers[i].error().code() == &codes::kStoreStreamLocked) {
      tried[i].last_answer = std::make_shared<const Error>(std::move(answers[i].error()));
      locked.push_back(std::move(tried[i]));
    } else {
      end(tried[i], std::move(answers[i]));
    }
  }
  std::lock_guard lock(mutex_);
  if (!locked.empty()) {
    pause_ = std::clamp<Duration>(pause_ * 2, kFirstPause, kLongestPause);
    next_try_ = std::chrono::steady_clock::now() + pause_;
  } else if (aside_.empty()) {
    pause_ = Duration::zero();
  }
  for (Entry& entry : locked) {
    queued_bytes_ += entry.request().size_bytes();
    aside_.emplace(entry.number, std::move(entry));
  }
}

// Later requests of its caller that must not overtake a failed one are held back.
void AppendQueue::end(const Entry& entry, Result<AppendReceipt> answer) {
  Group& group = *entry.group;
  if (!answer && holds_back(entry.request())) group.tail = Group::Tail::kHeldBack;
  group.done(entry.index, std::move(answer));
}

}  // namespace penstock::store
