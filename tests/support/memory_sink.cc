#include "tests/support/memory_sink.h"

#include <algorithm>
#include <set>

namespace penstock::tests {

using connectors::DeliveryReport;
using connectors::Outcome;
using connectors::SinkState;

namespace {

Arrival arrival_of(const connectors::Message& message) {
  Arrival arrival;
  arrival.id = message.event->id;
  arrival.destination = message.destination;
  arrival.routing_key = message.routing_key;
  if (message.key) arrival.key = std::string(*message.key);
  if (message.body) arrival.body = std::string(*message.body);
  arrival.position = message.event->position;
  return arrival;
}

std::shared_ptr<const Error> shared_error(const ErrorCode& code, std::string message) {
  return std::make_shared<const Error>(code, std::move(message));
}

}  // namespace

void MemoryBroker::decide_by(std::function<Fate(const Arrival&)> decide) {
  std::lock_guard lock(mutex_);
  decide_ = std::move(decide);
}

void MemoryBroker::refuse_open(std::optional<Error> error) {
  std::lock_guard lock(mutex_);
  open_error_ = std::move(error);
}

void MemoryBroker::stop_work() {
  std::lock_guard lock(mutex_);
  work_ = Work::kStopped;
}

void MemoryBroker::resume_work() {
  std::lock_guard lock(mutex_);
  work_ = Work::kGoesOn;
  changed_.notify_all();
}

std::vector<Arrival> MemoryBroker::arrivals() const {
  std::lock_guard lock(mutex_);
  return arrivals_;
}

std::size_t MemoryBroker::arrival_count() const {
  std::lock_guard lock(mutex_);
  return arrivals_.size();
}

bool MemoryBroker::wait_for_arrivals(std::size_t count, Deadline deadline) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline.time(), [&] { return arrivals_.size() >= count; });
}

std::size_t MemoryBroker::opens() const {
  std::lock_guard lock(mutex_);
  return opens_;
}

Fate MemoryBroker::decide(const Arrival& arrival) {
  std::function<Fate(const Arrival&)> decide;
  {
    std::lock_guard lock(mutex_);
    decide = decide_;
  }
  return decide ? decide(arrival) : Fate::kDeliver;
}

void MemoryBroker::arrive(Arrival arrival) {
  std::lock_guard lock(mutex_);
  arrivals_.push_back(std::move(arrival));
  changed_.notify_all();
}

std::optional<Error> MemoryBroker::try_open() {
  std::lock_guard lock(mutex_);
  ++opens_;
  return open_error_;
}

MemorySink::MemorySink(MemoryBroker& broker, connectors::OutcomeListener& listener, MemorySinkSettings settings)
    : broker_(broker), listener_(listener), settings_(settings) {
  if (settings_.runs == MemorySinkSettings::Runs::kByThread)
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

MemorySink::~MemorySink() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

Status MemorySink::open(Deadline, std::stop_token) {
  if (auto error = broker_.try_open()) return fail(std::move(*error));
  std::lock_guard lock(mutex_);
  state_ = {SinkState::Phase::kReady, nullptr};
  return {};
}

connectors::Submitted MemorySink::submit(connectors::Ticket ticket, const connectors::Message& message) {
  std::lock_guard lock(mutex_);
  const bool open = state_.phase == SinkState::Phase::kReady || state_.phase == SinkState::Phase::kAway;
  if (!open || accepted_.size() + held_.size() + unreported_ >= settings_.capacity) return connectors::Submitted::kFull;
  accepted_.push_back({ticket, &message});
  ++submitted_;
  if (++news_; accepted_.size() == 1) wake_.notify_all();
  return connectors::Submitted::kAccepted;
}

void MemorySink::flush() {
  std::lock_guard lock(mutex_);
  ++flushes_;
}

connectors::Sink::Drained MemorySink::drain(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const bool done =
      wake_.wait_until(lock, deadline.time(), [&] { return accepted_.empty() && held_.empty() && unreported_ == 0; });
  return done ? Drained::kAll : Drained::kNotAll;
}

void MemorySink::abandon() {
  fail_everything(shared_error(codes::kStoreFenced, "the right to send was lost"), SinkState::Phase::kClosed);
  if (settings_.runs == MemorySinkSettings::Runs::kByThread) wake_.notify_all();
}

SinkState MemorySink::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

void MemorySink::enter(SinkState state) {
  {
    std::lock_guard lock(mutex_);
    state_ = std::move(state);
  }
  listener_.sink_changed();
}

void MemorySink::break_session(Error error) {
  fail_everything(std::make_shared<const Error>(std::move(error)), SinkState::Phase::kBroken);
  wake_.notify_all();
  listener_.sink_changed();
}

void MemorySink::fail_everything(std::shared_ptr<const Error> error, SinkState::Phase phase) {
  std::lock_guard lock(mutex_);
  state_ = {phase, error};
  ++news_;
  for (auto* queue : {&held_, &accepted_}) {
    for (const Accepted& accepted : *queue) {
      reports_.push_back({accepted.ticket, Outcome::kRetryable, error});
      ++unreported_;
    }
    queue->clear();
  }
}

void MemorySink::release_held() {
  std::lock_guard lock(mutex_);
  accepted_.insert(accepted_.begin(), held_.begin(), held_.end());
  held_.clear();
  ++news_;
  wake_.notify_all();
}

std::size_t MemorySink::without_outcome() const {
  std::lock_guard lock(mutex_);
  return accepted_.size() + held_.size() + unreported_;
}

std::size_t MemorySink::flushes() const {
  std::lock_guard lock(mutex_);
  return flushes_;
}

std::size_t MemorySink::submitted() const {
  std::lock_guard lock(mutex_);
  return submitted_;
}

// A message is behind the earlier ones of its (destination, key), held ones included.
std::optional<MemorySink::Accepted> MemorySink::take(std::uint64_t choice) {
  std::lock_guard lock(mutex_);
  if (accepted_.empty()) return std::nullopt;
  if (choice == 0 && held_.empty()) {
    const Accepted first = accepted_.front();
    accepted_.pop_front();
    ++unreported_;
    return first;
  }
  using Lane = std::pair<std::string_view, std::string_view>;
  std::set<Lane> seen;
  for (const Accepted& held : held_)
    if (held.message->key) seen.insert({held.message->destination, *held.message->key});
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < accepted_.size(); ++i) {
    const connectors::Message& message = *accepted_[i].message;
    if (!message.key || seen.insert({message.destination, *message.key}).second) candidates.push_back(i);
  }
  if (candidates.empty()) return std::nullopt;
  const auto chosen = accepted_.begin() + static_cast<std::ptrdiff_t>(candidates[choice % candidates.size()]);
  const Accepted taken = *chosen;
  accepted_.erase(chosen);
  ++unreported_;
  return taken;
}

void MemorySink::report_later(connectors::Ticket ticket, Outcome outcome, std::shared_ptr<const Error> error) {
  std::lock_guard lock(mutex_);
  reports_.push_back({ticket, outcome, std::move(error)});
}

void MemorySink::settle_fate(const Accepted& accepted, Arrival arrival, Fate fate) {
  switch (fate) {
    case Fate::kDeliver:
    case Fate::kReportTwice:
      broker_.arrive(std::move(arrival));
      report_later(accepted.ticket, Outcome::kDelivered, nullptr);
      if (fate == Fate::kReportTwice) {
        report_later(accepted.ticket, Outcome::kDelivered, nullptr);
        std::lock_guard lock(mutex_);
        ++unreported_;
      }
      return;
    case Fate::kRefuse:
      report_later(accepted.ticket, Outcome::kRejected,
                   shared_error(codes::kRabbitRejected, "the broker refuses this message"));
      if (settings_.later_may_pass == connectors::LaterMayPass::kNo)
        break_session(Error(codes::kRabbitUnavailable, "a message was refused, and none may pass it"));
      return;
    case Fate::kHold: {
      std::lock_guard lock(mutex_);
      --unreported_;
      held_.push_back(accepted);
      return;
    }
    case Fate::kDeliverThenFail: broker_.arrive(std::move(arrival)); break;
    case Fate::kFail:
    case Fate::kBreakSession: break;
  }
  report_later(accepted.ticket, Outcome::kRetryable, shared_error(codes::kRabbitNacked, "not delivered this time"));
  if (fate == Fate::kBreakSession || settings_.later_may_pass == connectors::LaterMayPass::kNo)
    break_session(Error(codes::kRabbitUnavailable, "the session was lost"));
}

bool MemorySink::work_on_one(std::uint64_t choice) {
  const auto accepted = take(choice);
  if (!accepted) return false;
  Arrival arrival = arrival_of(*accepted->message);
  const Fate fate = broker_.decide(arrival);
  settle_fate(*accepted, std::move(arrival), fate);
  return true;
}

bool MemorySink::report_one() {
  DeliveryReport report;
  {
    std::lock_guard lock(mutex_);
    if (reports_.empty()) return false;
    report = std::move(reports_.front());
    reports_.pop_front();
    --unreported_;
    wake_.notify_all();
  }
  listener_.report({&report, 1});
  return true;
}

void MemorySink::work_on_all() {
  while (work_on_one() || report_one()) {
  }
}

void MemorySink::run(const std::stop_token& stop) {
  std::uint64_t seen = 0;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(broker_.mutex_);
      // A stopped broker is looked at again now and then, so that the sink can end.
      broker_.changed_.wait_for(lock, std::chrono::milliseconds(20),
                                [&] { return broker_.work_ == MemoryBroker::Work::kGoesOn || stop.stop_requested(); });
      // What the sink itself gave up is reported all the same.
      if (broker_.work_ == MemoryBroker::Work::kStopped && state().phase == SinkState::Phase::kReady) continue;
    }
    while (work_on_one()) {
    }
    std::vector<DeliveryReport> batch;
    {
      std::unique_lock lock(mutex_);
      if (reports_.empty()) wake_.wait(lock, stop, [&] { return news_ != seen || !reports_.empty(); });
      seen = news_;
      batch.assign(std::make_move_iterator(reports_.begin()), std::make_move_iterator(reports_.end()));
      reports_.clear();
    }
    if (batch.empty()) continue;
    listener_.report(batch);
    std::lock_guard lock(mutex_);
    unreported_ -= batch.size();  // only now has drain() nothing to wait for
    wake_.notify_all();
  }
}

}  // namespace penstock::tests
