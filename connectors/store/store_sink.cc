#include "connectors/store/store_sink.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "connectors/store/store_errors.h"

namespace penstock::connectors {
namespace {

constexpr std::size_t kReportsAtOnce = 64;
// How often a sink that has nothing to do looks whether the log is still the one that it knows.
constexpr std::chrono::milliseconds kLook{500};

using SharedError = std::shared_ptr<const Error>;

// Events that wait for the next append, in the order of their submission.
struct Group {
  std::vector<store::AppendRequest> requests;
  std::vector<Ticket> tickets;
};

// What the sink's threads and the store's callbacks share; it outlives the sink while an append that
// nobody waits for any more is still on its way.
class AppendSession : public std::enable_shared_from_this<AppendSession> {
 public:
  AppendSession(const StoreSinkEnds& store, OutcomeListener& listener, Log& words, StoreSinkSettings settings)
      : events_(store.events),
        settings_(std::move(settings)),
        acknowledged_(settings_.route, settings_.on_lost_tail, store.log, store.gaps, words),
        listener_(&listener) {}

  void run(std::stop_token stop);
  void mute();

  Status begin(Deadline deadline, const std::stop_token& stop);
  Submitted submit(Ticket ticket, const Message& message);
  void flush();
  Sink::Drained drain(Deadline deadline);
  void abandon();
  SinkState state() const;

 private:
  // One append_many: which tickets it carries and how many answers are missing.
  struct Sent {
    std::vector<Ticket> tickets;
    std::vector<EventId> ids;
    std::vector<std::size_t> bytes;
    std::size_t missing = 0;
  };

  enum class Woken { kToSend, kToLook, kToEnd };
  Woken wait_for_work(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  void look_at_log();
  void send(Group group);
  void answered(Sent& sent, std::size_t index, Result<store::AppendReceipt> answer);
  DeliveryReport report_of(Ticket ticket, const Result<store::AppendReceipt>& answer);
  std::vector<DeliveryReport> take_back_collected(const SharedError& why);
  void deliver(std::vector<DeliveryReport> reports);
  void say_changed();

  store::EventStore& events_;
  const StoreSinkSettings settings_;
  TailWatch acknowledged_;

  mutable std::mutex mutex_;  // guards what follows; never held while the listener is called
  std::condition_variable_any changed_;
  SinkState state_;
  Group collected_;
  enum class Flush { kNo, kWanted } flush_ = Flush::kNo;
  enum class Append { kIdle, kOnItsWay } append_ = Append::kIdle;
  enum class Right { kHeld, kLost } right_ = Right::kHeld;
  std::vector<DeliveryReport> ready_;
  std::size_t unanswered_ = 0, held_bytes_ = 0;
  std::uint64_t generation_ = 0;  // of the log, when the session began

  std::mutex listener_mutex_;  // held while the listener is called, so that the sink's end can wait
  OutcomeListener* listener_;
};

void AppendSession::run(std::stop_token stop) {
  for (;;) {
    Group group;
    {
      std::unique_lock lock(mutex_);
      const Woken woken = wait_for_work(lock, stop);
      if (woken == Woken::kToEnd) return;
      if (woken == Woken::kToSend) {
        flush_ = Flush::kNo;
        append_ = Append::kOnItsWay;
        group = std::exchange(collected_, {});
      }
    }
    if (group.tickets.empty())
      look_at_log();
    else
      send(std::move(group));
  }
}

AppendSession::Woken AppendSession::wait_for_work(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  const bool to_send = changed_.wait_for(lock, stop, kLook, [this] {
    return flush_ == Flush::kWanted && append_ == Append::kIdle && !collected_.tickets.empty();
  });
  if (to_send) return Woken::kToSend;
  return stop.stop_requested() ? Woken::kToEnd : Woken::kToLook;
}

// A route that has nothing to append must say all the same that something of it was lost.
void AppendSession::look_at_log() {
  {
    std::lock_guard lock(mutex_);
    if (state_.phase != SinkState::Phase::kReady || unanswered_ > 0) return;
    auto same = acknowledged_.check(generation_);
    if (same) return;
    state_ = {.phase = SinkState::Phase::kBroken, .why = std::make_shared<const Error>(std::move(same.error()))};
  }
  say_changed();
}

void AppendSession::send(Group group) {
  auto sent = std::make_shared<Sent>();
  sent->tickets = std::move(group.tickets);
  sent->missing = sent->tickets.size();
  sent->bytes.reserve(group.requests.size());
  sent->ids.reserve(group.requests.size());
  for (const store::AppendRequest& request : group.requests) {
    sent->bytes.push_back(request.size_bytes());
    sent->ids.push_back(request.events.front()->id);
  }
  events_.append_many(std::move(group.requests), Deadline::in(settings_.append_deadline),
                      [self = shared_from_this(), sent](std::size_t index, Result<store::AppendReceipt> answer) {
                        self->answered(*sent, index, std::move(answer));
                      });
}

void AppendSession::answered(Sent& sent, std::size_t index, Result<store::AppendReceipt> answer) {
  std::vector<DeliveryReport> reports;
  bool session_ended = false;
  {
    std::lock_guard lock(mutex_);
    const auto phase_before = state_.phase;
    ready_.push_back(report_of(sent.tickets[index], answer));
    if (ready_.back().outcome == Outcome::kDelivered) acknowledged_.add(answer->first_position, sent.ids[index]);
    held_bytes_ -= sent.bytes[index];
    --sent.missing;
    session_ended = phase_before == SinkState::Phase::kReady && state_.phase == SinkState::Phase::kBroken;
    if (sent.missing == 0) {
      append_ = Append::kIdle;
      if (state_.phase != SinkState::Phase::kReady) {
        for (DeliveryReport& report : take_back_collected(state_.why)) ready_.push_back(std::move(report));
      }
    }
    if (sent.missing == 0 || ready_.size() >= kReportsAtOnce) reports = std::exchange(ready_, {});
  }
  changed_.notify_all();
  if (!reports.empty()) deliver(std::move(reports));
  if (session_ended) say_changed();
}

DeliveryReport AppendSession::report_of(Ticket ticket, const Result<store::AppendReceipt>& answer) {
  // Who lost the right to send must not settle on the ground of what landed all the same.
  if (right_ == Right::kLost) return {.ticket = ticket, .outcome = Outcome::kRetryable, .error = state_.why};
  if (answer) return {.ticket = ticket, .outcome = Outcome::kDelivered, .error = nullptr};
  auto why = std::make_shared<const Error>(answer.error());
  if (state_.phase == SinkState::Phase::kReady) state_ = {.phase = SinkState::Phase::kBroken, .why = why};
  return {.ticket = ticket, .outcome = outcome_of_append(answer.error().code()), .error = std::move(why)};
}

std::vector<DeliveryReport> AppendSession::take_back_collected(const SharedError& why) {
  const Group group = std::exchange(collected_, {});
  std::vector<DeliveryReport> reports;
  reports.reserve(group.tickets.size());
  for (std::size_t i = 0; i < group.tickets.size(); ++i) {
    held_bytes_ -= group.requests[i].size_bytes();
    reports.push_back({.ticket = group.tickets[i], .outcome = Outcome::kRetryable, .error = why});
  }
  return reports;
}

void AppendSession::deliver(std::vector<DeliveryReport> reports) {
  {
    std::lock_guard lock(listener_mutex_);
    if (listener_ != nullptr) listener_->report(reports);
  }
  {
    std::lock_guard lock(mutex_);
    unanswered_ -= reports.size();
  }
  changed_.notify_all();
}

void AppendSession::say_changed() {
  std::lock_guard lock(listener_mutex_);
  if (listener_ != nullptr) listener_->sink_changed();
}

void AppendSession::mute() {
  std::lock_guard lock(listener_mutex_);
  listener_ = nullptr;
}

Status AppendSession::begin(Deadline deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  // The listener may have had the last outcome while the thread that told it is not back yet.
  const bool answered = changed_.wait_until(lock, stop, deadline.time(), [this] { return unanswered_ == 0; });
  if (stop.stop_requested()) return fail(codes::kStopped, "opening the store as a sink was stopped");
  if (!answered) return fail(codes::kTimeout, "appends of the former session have not been answered yet");
  lock.unlock();
  const auto compared_with = acknowledged_.compare();
  if (!compared_with) return fail(compared_with.error());
  lock.lock();
  generation_ = *compared_with;
  state_ = {.phase = SinkState::Phase::kReady, .why = nullptr};
  right_ = Right::kHeld;
  flush_ = Flush::kNo;
  return {};
}

Submitted AppendSession::submit(Ticket ticket, const Message& message) {
  std::vector<EventRef> events(1, message.event);
  store::AppendRequest request{.expected = store::AnyVersion{},
                               .events = std::move(events),
                               .known_id = store::KnownId::kBytesMustMatch,
                               .after_failure = store::AfterFailure::kHoldBack};
  const std::size_t bytes = request.size_bytes();
  std::lock_guard lock(mutex_);
  if (state_.phase != SinkState::Phase::kReady) return Submitted::kFull;
  request.generation = generation_;
  if (held_bytes_ > 0 && held_bytes_ + bytes > settings_.held_bytes) {
    flush_ = Flush::kWanted;
    changed_.notify_all();
    return Submitted::kFull;
  }
  collected_.requests.push_back(std::move(request));
  collected_.tickets.push_back(ticket);
  held_bytes_ += bytes;
  ++unanswered_;
  return Submitted::kAccepted;
}

void AppendSession::flush() {
  {
    std::lock_guard lock(mutex_);
    if (collected_.tickets.empty()) return;
    flush_ = Flush::kWanted;
  }
  changed_.notify_all();
}

Sink::Drained AppendSession::drain(Deadline deadline) {
  flush();
  std::unique_lock lock(mutex_);
  const bool all = changed_.wait_until(lock, deadline.time(), [this] { return unanswered_ == 0; });
  return all ? Sink::Drained::kAll : Sink::Drained::kNotAll;
}

void AppendSession::abandon() {
  std::vector<DeliveryReport> reports;
  {
    std::lock_guard lock(mutex_);
    const auto why = std::make_shared<const Error>(codes::kStoreFenced, "the right to append was lost");
    state_ = {.phase = SinkState::Phase::kClosed, .why = why};
    right_ = Right::kLost;
    reports = take_back_collected(why);
  }
  if (!reports.empty()) deliver(std::move(reports));
}

SinkState AppendSession::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

class StoreSink final : public Sink {
 public:
  StoreSink(const StoreSinkEnds& store, OutcomeListener& listener, Log& words, StoreSinkSettings settings)
      : events_(store.events),
        session_(std::make_shared<AppendSession>(store, listener, words, std::move(settings))),
        thread_([session = session_](std::stop_token stop) { session->run(std::move(stop)); }) {}

  ~StoreSink() override {
    thread_.request_stop();
    thread_.join();
    session_->mute();
  }

  LaterMayPass later_may_pass() const override { return LaterMayPass::kNo; }

  Status open(Deadline deadline, std::stop_token stop) override {
    if (const auto answers = events_.streams({.limit = 1}); !answers)
      return fail(Error(answers.error()).with_context("opening the store as a sink"));
    if (deadline.expired()) return fail(codes::kTimeout, "the store took too long to answer");
    return session_->begin(deadline, stop);
  }

  Submitted submit(Ticket ticket, const Message& message) override { return session_->submit(ticket, message); }
  void flush() override { session_->flush(); }
  Drained drain(Deadline deadline) override { return session_->drain(deadline); }
  void abandon() override { session_->abandon(); }
  SinkState state() const override { return session_->state(); }

 private:
  store::EventStore& events_;
  std::shared_ptr<AppendSession> session_;
  std::jthread thread_;
};

}  // namespace

std::unique_ptr<Sink> make_store_sink(const StoreSinkEnds& store, OutcomeListener& listener, Log& words,
                                      StoreSinkSettings settings) {
  return std::make_unique<StoreSink>(store, listener, words, std::move(settings));
}

}  // namespace penstock::connectors
