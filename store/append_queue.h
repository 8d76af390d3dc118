// Group commit: many callers, one sequencer thread, one transaction a batch.
//
// append() puts requests into a queue that is bounded in bytes; the sequencer takes what waits (up
// to a number of events and bytes), hands it to the backend as one batch and passes the individual
// answers back. While a batch commits the next one gathers, so that the batch grows with the load
// and a lone request is committed at once: there is no timer.
//
// A request whose stream somebody else holds (store.stream_locked) stands aside, and later ones for the
// same streams behind it, in their order; it is tried again after a short pause until its deadline, while
// the others go on.
//
// Every request is checked against the limits before it is queued. One that waits beyond its
// deadline is answered core.timeout without being tried. Stopping drains: what was queued is still
// tried; what can't be is answered core.stopped.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_set>
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
  // No request: only what the backend has to do with each batch anyhow, see AppendQueue::sequence.
  // Returns one answer a request; store.stream_locked asks for another try. Any other answer means that the
  // transaction has ended (or is in doubt).
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

  // Makes the backend work through a batch that began after this call, of what waits or of nothing, and
  // returns then; sooner when the queue is stopped. For backends that also sequence what others wrote.
  void sequence();

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
    std::uint64_t number;  // in the order of arrival
    std::shared_ptr<Group> group;
    std::size_t index;
    std::shared_ptr<const Error> last_answer;  // of one that stood aside
    const AppendRequest& request() const { return group->requests[index]; }
  };
  // What the sequencer does next.
  struct Turn {
    enum class Next { kBatch, kEnd } next = Next::kBatch;
    std::vector<Entry> batch;     // in the order of arrival
    std::uint64_t sequences = 0;  // calls of sequence() that this turn answers
  };

  using Refusal = std::pair<std::size_t, Error>;
  std::vector<Refusal> refuse_unfit(const Group& group) const;
  void run();
  Turn take_turn();
  std::vector<Entry> take_batch();  // under the lock
  bool has_work() const;            // under the lock
  // Those of a batch that are still to be tried; the others are answered.
  std::vector<Entry> sort_out(std::vector<Entry> batch);
  void answer(std::vector<Entry> tried, std::vector<Result<AppendReceipt>> answers);
  void end(const Entry& entry, Result<AppendReceipt> answer);

  BatchAppender& appender_;
  const AppendQueueSettings settings_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Entry> queue_;
  std::size_t queued_bytes_ = 0;  // also of those that stand aside
  std::uint64_t arrivals_ = 0;
  std::uint64_t sequences_asked_ = 0, sequences_done_ = 0;
  std::condition_variable sequenced_;
  std::map<std::uint64_t, Entry> aside_;  // by arrival
  SteadyTime next_try_{};                 // of those aside
  Duration pause_{};
  enum class Phase { kRunning, kDraining } phase_ = Phase::kRunning;
  Deadline drain_until_ = Deadline::at(SteadyTime::max());

  std::jthread thread_;
};

}  // namespace penstock::store
