// Group commit: many callers, one sequencer thread, one transaction a batch.
//
// append() puts requests into a queue that is bounded in bytes; the sequencer takes what waits (up
// to a number of events and bytes), hands it to the backend as one batch and passes the individual
// answers back. While a batch commits the next one gathers, so that the batch grows with the load
// and a lone request is committed at once: there is no timer.
//
// Every request is checked against the limits before it is queued. One that waits beyond its
// deadline is answered core.timeout without being tried. Stopping drains: what was queued is still
// tried; what can't be is answered core.stopped.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "core/log.h"
#include "store/event_store.h"

namespace penstock::store {

// The backend's half. Called from the sequencer's thread only.
class BatchAppender {
 public:
  virtual ~BatchAppender() = default;
  // Tries all requests, in their order, in one transaction; a failing one doesn't fail the others,
  // but for those of its stream with AfterFailure::kHoldBack (store/append_rules.h sees to it).
  // Returns one answer a request. An answer means that the transaction has ended (or is in doubt).
  virtual std::vector<Result<AppendReceipt>> append_batch(std::span<const AppendRequest* const> requests) = 0;
};

struct AppendQueueSettings {
  std::size_t queue_bytes = 64 << 20;
  std::size_t batch_events = 4'096;
  std::size_t batch_bytes = 8 << 20;
  AppendLimits limits;  // of one request
};

class AppendQueue {
 public:
  // `appender` outlives the queue. Starts the sequencer's thread.
  AppendQueue(BatchAppender& appender, AppendQueueSettings settings);
  ~AppendQueue();

  AppendQueue(const AppendQueue&) = delete;
  AppendQueue& operator=(const AppendQueue&) = delete;

  // From any thread. Checks each request (check_append) and queues it; see EventStore::append_many.
  using Done = std::function<void(std::size_t index, Result<AppendReceipt>)>;
  void push(std::vector<AppendRequest> requests, Deadline deadline, Done done);

  // Ends the thread: tries what is queued until the deadline, refuses the rest.
  void stop(Deadline deadline);

 private:
  struct Group {  // requests of one push() that share their callback
    std::vector<AppendRequest> requests;
    Deadline deadline;
    Done done;
    enum class Tail { kTried, kHeldBack } tail = Tail::kTried;  // sequencer only, of kHoldBack requests
  };
  struct Entry {
    std::shared_ptr<Group> group;
    std::size_t index;
  };

  using Refusal = std::pair<std::size_t, Error>;
  std::vector<Refusal> refuse_unfit(const Group& group) const;
  void run();
  std::vector<Entry> take_batch();
  void answer(std::span<const Entry> batch, std::vector<Result<AppendReceipt>> answers);

  BatchAppender& appender_;
  const AppendQueueSettings settings_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Entry> queue_;
  std::size_t queued_bytes_ = 0;
  enum class Phase { kRunning, kDraining } phase_ = Phase::kRunning;
  Deadline drain_until_ = Deadline::at(SteadyTime::max());

  std::jthread thread_;
};

}  // namespace penstock::store
