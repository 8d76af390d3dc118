// A broker in memory and the sink that sends to it, with every fault that a real one has: refuse,
// fail, deliver and then fail, hold, report twice, break the session.
//
// The broker outlives the sinks, as a real one outlives a crashed relay: what it has got stays got.
// A sink is either stepped by the test (deterministic, no thread) or has a thread that works off
// what it was given as fast as it can.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "connectors/sink.h"

namespace penstock::tests {

// What the broker keeps of a message.
struct Arrival {
  EventId id;
  std::string destination, routing_key;
  std::optional<std::string> key, body;
  std::optional<Position> position;
};

enum class Fate {
  kDeliver,
  kRefuse,           // rejected: now and later
  kFail,             // retryable, not delivered
  kDeliverThenFail,  // delivered, but reported retryable: the lost acknowledgement
  kHold,             // neither delivered nor reported until release()
  kReportTwice,      // delivered and reported two times: a defect that the relay has to survive
  kBreakSession,     // this message and all behind it fail, the sink is broken until it is opened
};

// Thread-safe.
class MemoryBroker {
 public:
  // Default: everything is delivered. Called for every message, under no lock.
  void decide_by(std::function<Fate(const Arrival&)> decide);
  // What open() answers; nullopt = it works.
  void refuse_open(std::optional<Error> error);

  // While stopped, threaded sinks take messages but neither deliver nor report them.
  void stop_work();
  void resume_work();

  std::vector<Arrival> arrivals() const;
  std::size_t arrival_count() const;
  // False when the deadline came first.
  bool wait_for_arrivals(std::size_t count, Deadline deadline) const;
  std::size_t opens() const;

 private:
  friend class MemorySink;
  Fate decide(const Arrival& arrival);
  void arrive(Arrival arrival);
  std::optional<Error> try_open();

  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable changed_;
  std::function<Fate(const Arrival&)> decide_;
  std::optional<Error> open_error_;
  std::vector<Arrival> arrivals_;
  std::size_t opens_ = 0;
  enum class Work { kGoesOn, kStopped } work_ = Work::kGoesOn;
};

struct MemorySinkSettings {
  connectors::LaterMayPass later_may_pass = connectors::LaterMayPass::kYes;
  std::size_t capacity = 1'000'000;  // messages without outcome; beyond: full
  enum class Runs { kStepped, kByThread } runs = Runs::kStepped;
};

// With LaterMayPass::kNo a message that fails or is refused breaks the session, so that no later one
// can pass.
class MemorySink final : public connectors::Sink {
 public:
  MemorySink(MemoryBroker& broker, connectors::OutcomeListener& listener, MemorySinkSettings settings = {});
  ~MemorySink() override;

  connectors::LaterMayPass later_may_pass() const override { return settings_.later_may_pass; }
  Status open(Deadline deadline, std::stop_token stop) override;
  connectors::Submitted submit(connectors::Ticket ticket, const connectors::Message& message) override;
  void flush() override;
  Drained drain(Deadline deadline) override;
  void abandon() override;
  connectors::SinkState state() const override;

  // For a stepped sink. Each works on one message; false when there was nothing to do.
  // Decides about the `choice`-th of the messages that are first of their (destination, key).
  bool work_on_one(std::uint64_t choice = 0);
  // Gives the oldest outcome to the listener.
  bool report_one();
  // Until nothing is left but what is held.
  void work_on_all();

  // Puts what was held back in front of the queue; it is decided about again.
  void release_held();
  void enter(connectors::SinkState state);
  void break_session(Error error);

  std::size_t without_outcome() const;
  std::size_t flushes() const;
  std::size_t submitted() const;

 private:
  struct Accepted {
    connectors::Ticket ticket;
    const connectors::Message* message;
  };
  void report_later(connectors::Ticket ticket, connectors::Outcome outcome, std::shared_ptr<const Error> error);
  void fail_everything(std::shared_ptr<const Error> error, connectors::SinkState::Phase phase);
  std::optional<Accepted> take(std::uint64_t choice);
  void settle_fate(const Accepted& accepted, Arrival arrival, Fate fate);
  void run(const std::stop_token& stop);

  MemoryBroker& broker_;
  connectors::OutcomeListener& listener_;
  const MemorySinkSettings settings_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any wake_;
  std::deque<Accepted> accepted_, held_;
  std::deque<connectors::DeliveryReport> reports_;
  connectors::SinkState state_;
  std::size_t unreported_ = 0, flushes_ = 0, submitted_ = 0;
  std::uint64_t news_ = 0;  // raised whenever there may be work again
  std::jthread thread_;
};

}  // namespace penstock::tests
