#include "connectors/kafka/producer.h"

#include <algorithm>
#include <array>

#include "connectors/kafka/kafka_errors.h"

namespace penstock::kafka {
namespace {

using connectors::DeliveryReport;
using connectors::Sink;
using connectors::SinkState;
using connectors::Submitted;
using connectors::Ticket;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kCalmTickMs = 500;
constexpr int kBusyTickMs = 50;
constexpr int kProbeMs = 200;
constexpr int kReachSliceMs = 250;
constexpr int kFlushMs = 1;
// With more records out than this, a flush waits for more of them, but no longer than that.
constexpr std::size_t kFewRecords = 500;
constexpr milliseconds kLongestHold{5};
constexpr milliseconds kBetweenProbes{300};
constexpr milliseconds kBetweenFlushes{20};
constexpr seconds kStall{30};
// How long answers to what is on its way are waited for, once nothing more is sent.
constexpr seconds kInFlightGrace{2};

std::shared_ptr<const Error> shared(Error error) { return std::make_shared<const Error>(std::move(error)); }

// A broker that answers knows its cluster, whatever the topics.
rd_kafka_resp_err_t ask_for_brokers(rd_kafka_t* client, int timeout_ms) {
  const struct rd_kafka_metadata* found = nullptr;
  const auto error = rd_kafka_metadata(client, 0, nullptr, &found, timeout_ms);
  const Metadata metadata(found);
  return error;
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::start(Conf conf, const Parts& parts) {
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  auto client = new_client(RD_KAFKA_PRODUCER, std::move(conf));
  if (!client) return fail(std::move(client.error()));
  return std::unique_ptr<Producer>(new Producer(std::move(*client), parts));
}

Producer::Producer(Handle client, const Parts& parts)
    : parts_(parts),
      client_log_(parts.log, parts.clock, parts.client_id),
      client_(std::move(client)),
      events_(rd_kafka_queue_get_main(client_.get())),
      last_progress_(parts.clock.now()),
      last_look_(last_progress_) {
  rd_kafka_set_log_queue(client_.get(), events_.get());
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

Producer::~Producer() {
  thread_.request_stop();
  wake();
  thread_.join();
  // Unsent messages point into memory that is about to go.
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  for (auto& [name, destination] : destinations_) destination.handle.reset();
}

Status Producer::reach(Deadline deadline, std::stop_token stop) {
  {
    std::lock_guard lock(mutex_);
    trouble_.reset();
  }
  while (!stop.stop_requested()) {
    const auto wait = std::clamp<std::int64_t>(deadline.remaining().count(), 1, kReachSliceMs);
    const auto error = ask_for_brokers(client_.get(), static_cast<int>(wait));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      set_phase(SinkState::Phase::kReady, nullptr);
      return {};
    }
    std::lock_guard lock(mutex_);
    if (state_.phase == SinkState::Phase::kBroken) return fail(Error(*state_.why));
    const bool refused = trouble_ && trouble_->kind() == ErrorKind::kUnauthorized;
    if (refused || (deadline.expired() && trouble_)) return fail(*trouble_);
    if (deadline.expired()) return fail(error_of(error, "no broker of " + parts_.brokers + " answers"));
  }
  return fail(codes::kStopped, "stopped while connecting to " + parts_.brokers);
}

Submitted Producer::submit(Ticket ticket, const connectors::Message& message) {
  if (course_.load() != Course::kOpen) return Submitted::kFull;
  if (is_one_topic_too_many(message.destination)) {
    finish(Error(codes::kKafkaDropped, "a producer keeps " + std::to_string(parts_.most_topics) +
                                           " topics; for the next ones a new one begins"));
    return Submitted::kFull;
  }
  Destination* const to = destination(message.destination);
  if (to == nullptr) {
    fail_locally(ticket, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, message.destination);
    return Submitted::kAccepted;
  }
  if (to->contact.may_send(to->handle.get(), message.key) == FirstContact::May::kWait) {
    flush();
    return Submitted::kFull;
  }
  const RecordParts record = parts_of(message);
  Headers headers = headers_of(message);
  outstanding_.fetch_add(1);
  const auto error = produce(to->handle.get(), record, headers.get(), ticket);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) [[likely]] {
    (void)headers.release();
    to->contact.sent(message.key);
    return Submitted::kAccepted;
  }
  outstanding_.fetch_sub(1);
  // After a fatal error the event that says so is on its way.
  if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL || error == RD_KAFKA_RESP_ERR__FATAL) return Submitted::kFull;
  fail_locally(ticket, error, message.destination);
  return Submitted::kAccepted;
}

// The same fields as rd_kafka_producev's macros would name, which are not standard C++.
rd_kafka_resp_err_t Producer::produce(rd_kafka_topic_t* topic, const RecordParts& record, rd_kafka_headers_t* headers,
                                      Ticket ticket) {
  std::array<rd_kafka_vu_t, 6> fields{};
  fields[0].vtype = RD_KAFKA_VTYPE_RKT;
  fields[0].u.rkt = topic;
  fields[1].vtype = RD_KAFKA_VTYPE_KEY;
  fields[1].u.mem = {const_cast<void*>(record.key), record.key_bytes};
  fields[2].vtype = RD_KAFKA_VTYPE_VALUE;
  fields[2].u.mem = {const_cast<void*>(record.value), record.value_bytes};
  fields[3].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  fields[3].u.i64 = record.timestamp_ms;
  fields[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  fields[4].u.headers = headers;
  fields[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  fields[5].u.ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(ticket.value));
  rd_kafka_error_t* failure = rd_kafka_produceva(client_.get(), fields.data(), fields.size());
  if (failure == nullptr) [[likely]]
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  const auto code = rd_kafka_error_code(failure);
  rd_kafka_error_destroy(failure);
  return code;
}

Producer::Destination* Producer::destination(std::string_view name) {
  if (last_destination_.second != nullptr && last_destination_.first == name) return last_destination_.second;
  const auto [found, is_new] = destinations_.try_emplace(std::string(name));
  if (is_new) {
    rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup(client_.get());
    rd_kafka_topic_conf_set_opaque(conf, &found->second.contact);
    rd_kafka_topic_conf_set_partitioner_cb(conf, choose_partition);
    found->second.handle.reset(rd_kafka_topic_new(client_.get(), found->first.c_str(), conf));
  }
  if (!found->second.handle) {
    destinations_.erase(found);
    return nullptr;
  }
  last_destination_ = {found->first, &found->second};
  return last_destination_.second;
}

// The outcome comes from the other thread, and nothing is taken any more: what follows on the same
// key must not pass.
void Producer::fail_locally(Ticket ticket, rd_kafka_resp_err_t error, std::string_view topic) {
  const auto why = shared(error_of(error, "topic " + std::string(topic)));
  const auto outcome = verdict_on(error).outcome;
  outstanding_.fetch_add(1);
  raise(outcome == connectors::Outcome::kRejected ? Course::kFinishing : Course::kDropping);
  {
    std::lock_guard lock(mutex_);
    local_failures_.push_back({ticket, outcome, why});
    if (!local_end_) local_end_ = why;
  }
  wake();
}

void Producer::finish(Error why) {
  raise(Course::kFinishing);
  {
    std::lock_guard lock(mutex_);
    if (!local_end_) local_end_ = shared(std::move(why));
  }
  wake();
}

void Producer::flush() {
  if (outstanding_.load() == 0) return;
  flush_wanted_.store(true);
  wake();
}

Sink::Drained Producer::drain(Deadline deadline) {
  std::unique_lock lock(mutex_);
  while (outstanding_.load() > 0 && !deadline.expired()) {
    lock.unlock();
    flush();
    lock.lock();
    const auto until = std::min(deadline.time(), Deadline::in(kBetweenFlushes).time());
    settled_.wait_until(lock, until, [this] { return outstanding_.load() == 0; });
  }
  return outstanding_.load() == 0 ? Sink::Drained::kAll : Sink::Drained::kNotAll;
}

void Producer::abandon() {
  raise(Course::kPurging);
  set_phase(SinkState::Phase::kBroken,
            shared(Error(codes::kStoreFenced, "the right to send to " + parts_.brokers + " was lost")));
  wake();
}

void Producer::resume() {
  {
    std::lock_guard lock(mutex_);
    state_ = {};
  }
  course_.store(Course::kOpen);
}

SinkState Producer::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

std::optional<RefusedBatch> Producer::refused_batch() const {
  std::lock_guard lock(mutex_);
  return refused_batch_;
}

void Producer::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    EventHandle event(rd_kafka_queue_poll(events_.get(), next_tick()));
    if (event) on_event(std::move(event));
    end_locally();
    flush_when_due();
    look_after();
  }
}

int Producer::next_tick() const {
  if (flush_due_) return static_cast<int>(std::max<std::int64_t>(flush_due_->remaining().count(), 1));
  const bool calm = course_.load() == Course::kOpen && doubt_ == Doubt::kNone;
  return calm ? kCalmTickMs : kBusyTickMs;
}

void Producer::flush_when_due() {
  if (!flush_wanted_.load()) return;
  if (!flush_due_) flush_due_ = Deadline::in(kLongestHold);
  if (outstanding_.load() > kFewRecords && !flush_due_->expired()) return;
  flush_wanted_.store(false);
  flush_due_.reset();
  // For as long as this call lasts, librdkafka doesn't hold messages back for a larger batch.
  rd_kafka_flush(client_.get(), kFlushMs);
}

void Producer::on_event(EventHandle event) {
  switch (rd_kafka_event_type(event.get())) {
    case RD_KAFKA_EVENT_DR: on_deliveries(std::move(event)); return;
    case RD_KAFKA_EVENT_ERROR: on_error(event.get()); return;
    case RD_KAFKA_EVENT_LOG: {
      const char *facility = nullptr, *text = nullptr;
      int severity = 0;
      if (rd_kafka_event_log(event.get(), &facility, &text, &severity) == 0) {
        client_log_.write(severity, facility, text);
      }
      return;
    }
    default: return;
  }
}

void Producer::on_deliveries(EventHandle event) {
  Deliveries& deliveries = reader_.read(event.get());
  // Frees librdkafka's side first: after its outcome a message makes room for another.
  event.reset();
  if (deliveries.refused) {
    std::lock_guard lock(mutex_);
    if (!refused_batch_) refused_batch_ = deliveries.refused;
  }
  if (deliveries.failure) end(Course::kDropping, deliveries.failure);
  if (deliveries.delivered > 0) heal();
  last_progress_ = parts_.clock.now();
  report(deliveries.reports);
}

void Producer::on_error(rd_kafka_event_t* event) {
  if (rd_kafka_event_error_is_fatal(event) != 0) return on_fatal();
  const auto code = rd_kafka_event_error(event);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    doubt_ = Doubt::kBrokersGone;
    return;
  }
  const ErrorCode* meaning = verdict_on(code).code;
  std::lock_guard lock(mutex_);
  trouble_ = Error(meaning != nullptr ? *meaning : codes::kKafkaUnavailable, rd_kafka_event_error_string(event));
}

void Producer::on_fatal() {
  std::array<char, 512> reason{};
  const auto code = rd_kafka_fatal_error(client_.get(), reason.data(), reason.size());
  const ErrorCode* meaning = verdict_on(code).code;
  end(Course::kDropping, shared(Error(meaning != nullptr ? *meaning : codes::kKafkaFatal, reason.data())));
}

void Producer::end_locally() {
  std::vector<DeliveryReport> failures;
  std::shared_ptr<const Error> why;
  {
    std::lock_guard lock(mutex_);
    failures.swap(local_failures_);
    why.swap(local_end_);
  }
  // The outcome first: who hears of the end then knows whether it was for a message or a fault.
  report(failures);
  if (why) tell_phase(SinkState::Phase::kBroken, std::move(why));
}

void Producer::report(const std::vector<DeliveryReport>& reports) {
  if (reports.empty()) return;
  parts_.listener.report(reports);
  if (outstanding_.fetch_sub(reports.size()) == reports.size()) {
    std::lock_guard lock(mutex_);
    settled_.notify_all();
  }
}

void Producer::look_after() {
  if (course_.load() >= Course::kDropping) return drop_unsent();
  look_for_brokers();
  look_for_stall();
}

// Again and again: what comes back from a broker unsent returns to the queue.
void Producer::drop_unsent() {
  if (outstanding_.load() == 0) return;
  const SteadyTime now = parts_.clock.now();
  if (!dropping_since_) dropping_since_ = now;
  const bool all = course_.load() == Course::kPurging || now - *dropping_since_ >= kInFlightGrace;
  rd_kafka_purge(client_.get(),
                 RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING | (all ? RD_KAFKA_PURGE_F_INFLIGHT : 0));
}

// "All brokers down" is also said when a single idle connection closes, so it is only a reason to ask.
void Producer::look_for_brokers() {
  if (doubt_ == Doubt::kNone) return;
  const SteadyTime now = parts_.clock.now();
  if (in_phase(SinkState::Phase::kAway) && now - last_look_ < kBetweenProbes) return;
  const auto error = ask_for_brokers(client_.get(), kProbeMs);
  last_look_ = parts_.clock.now();
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return heal();
  std::shared_ptr<const Error> why;
  {
    std::lock_guard lock(mutex_);
    if (state_.phase == SinkState::Phase::kClosed) return;
    why = shared(trouble_ ? *trouble_ : error_of(error, "no broker of " + parts_.brokers + " answers"));
  }
  tell_phase(SinkState::Phase::kAway, why);
}

void Producer::look_for_stall() {
  const SteadyTime now = parts_.clock.now();
  if (outstanding_.load() == 0) {
    last_progress_ = now;
    return;
  }
  if (now - last_progress_ < kStall || !in_phase(SinkState::Phase::kReady)) return;
  tell_phase(
      SinkState::Phase::kBlocked,
      shared(Error(codes::kKafkaUnavailable, parts_.brokers + " answers, but has acknowledged no record for 30 s")));
}

void Producer::heal() {
  doubt_ = Doubt::kNone;
  if (in_phase(SinkState::Phase::kAway) || in_phase(SinkState::Phase::kBlocked)) {
    tell_phase(SinkState::Phase::kReady, nullptr);
  }
}

void Producer::end(Course course, std::shared_ptr<const Error> why) {
  raise(course);
  tell_phase(SinkState::Phase::kBroken, std::move(why));
}

void Producer::raise(Course course) {
  Course now = course_.load();
  while (now < course && !course_.compare_exchange_weak(now, course)) {
  }
}

// Only the thread that reads events tells: a caller knows what its own call changed.
void Producer::tell_phase(SinkState::Phase phase, std::shared_ptr<const Error> why) {
  if (set_phase(phase, std::move(why)) == Changed::kYes) parts_.listener.sink_changed();
}

// The first reason for being broken stays.
Producer::Changed Producer::set_phase(SinkState::Phase phase, std::shared_ptr<const Error> why) {
  std::lock_guard lock(mutex_);
  if (state_.phase == SinkState::Phase::kBroken || state_.phase == phase) return Changed::kNo;
  state_ = {phase, std::move(why)};
  return Changed::kYes;
}

bool Producer::in_phase(SinkState::Phase phase) const {
  std::lock_guard lock(mutex_);
  return state_.phase == phase;
}

}  // namespace penstock::kafka
