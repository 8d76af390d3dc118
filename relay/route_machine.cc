#include "relay/route_machine.h"

#include <algorithm>
#include <utility>

#include "core/failpoint.h"
#include "core/invariant.h"
#include "relay/read_room.h"

namespace penstock::relay {
namespace {

// One advance() submits at most this many, so that outcomes and new pages are not kept waiting.
constexpr std::size_t kSubmitAtOnce = 512;
// A full sink says when it has room; this is the net below that.
constexpr std::chrono::milliseconds kLookAtFullSink{50};
// Who holds a lease but can't get the table lets the other one have both.
constexpr std::chrono::seconds kLongestLockOut{10};
constexpr std::chrono::seconds kPauseAfterLockOut{1};
constexpr std::chrono::milliseconds kLeaveWithin{500};

constexpr std::uint64_t kSubmissionBits = 12;
constexpr std::uint64_t kSubmissionMask = (1U << kSubmissionBits) - 1;

connectors::Ticket ticket_of(Slot slot, std::uint32_t submission) {
  return {slot.value << kSubmissionBits | (submission & kSubmissionMask)};
}

}  // namespace

RouteMachine::RouteMachine(const RouteSettings& settings, std::string source_name, Mapping mapping, Ends ends,
                           const connectors::Surroundings& surroundings, RouteVoice& voice,
                           const std::stop_token& interrupt)
    : settings_(settings),
      limits_{settings.max_in_flight, settings.max_in_flight_bytes},
      surroundings_(surroundings),
      interrupt_(interrupt),
      later_may_pass_(ends.sink.later_may_pass()),
      policy_(settings.retry, surroundings.random),
      mapping_(std::move(mapping)),
      source_port_(ends.source),
      lease_(ends.lease, policy_, surroundings.random),
      source_(ends.source, policy_),
      sink_(ends.sink, policy_),
      tracker_(limits_),
      dispatch_(make_dispatch(later_may_pass_, settings.order, tracker_, policy_)),
      cadence_(settings.max_in_flight),
      parking_(ends.source, policy_, {settings.name, std::move(source_name)}),
      care_(ends.source, ends.turn, settings.max_in_flight),
      voice_(voice) {}

RouteMachine::~RouteMachine() = default;

SteadyTime RouteMachine::advance() {
  SteadyTime now = surroundings_.clock.now();
  keep_lease(now);
  if (trust_ == Trust::kYes) {
    wind_up(now);
    open_source(now);
    open_sink(now);
    now = surroundings_.clock.now();  // opening a sink may take its time
    take_care(now);
    submit_messages(now);
    let_wait(now);
    park(now);
    settle(now);
    read(now);
    finish_failing();
    finish_draining(now);
  }
  finish_leaving(now);
  const Condition found = condition();
  voice_.observe(found.phase, found.why, now);
  return next_wake(now);
}

void RouteMachine::keep_lease(SteadyTime now) {
  if (course_ == Course::kLeaving || course_ == Course::kEnded) return;
  if (lease_.is_lost(now)) {
    if (trust_ == Trust::kNo) {
      lease_.accept_loss(now);
      return;
    }
    sink_.abandon();
    source_.close();
    return;
  }
  if (course_ != Course::kDraining) lease_.pursue(now);
}

// The same event must not be in flight twice: an opening is forgotten only when every outcome of it
// has arrived.
void RouteMachine::wind_up(SteadyTime now) {
  if (source_.phase() != SourceLink::Phase::kClosed || sink_.outstanding() > 0) return;
  if (opening_ == Opening::kRemembered && course_ == Course::kGoing) {
    tracker_.clear();
    dispatch_->clear();
    parking_.clear();
    care_.clear();
    retry_error_.reset();
    opening_ = Opening::kForgotten;
  }
  if (course_ == Course::kGoing || course_ == Course::kFailing || course_ == Course::kFailed) lease_.accept_loss(now);
}

bool RouteMachine::may_open_source(SteadyTime now) const {
  return course_ == Course::kGoing && lease_.may_drive(now) && source_.phase() == SourceLink::Phase::kClosed &&
         opening_ == Opening::kForgotten;
}

void RouteMachine::open_source(SteadyTime now) {
  if (!may_open_source(now)) return;
  if (const auto since = source_.locked_out_since(); since && now - *since >= kLongestLockOut) {
    const auto jitter = std::chrono::microseconds(surroundings_.random.below(1'000'000));
    lease_.give_back(now, kPauseAfterLockOut + jitter);
    source_.forget_lock_out();
    return;
  }
  if (!source_.may_open(now)) return;
  opening_ = Opening::kRemembered;
  ++counters_.source_openings;
  source_.open(lease_.lease());
}

// What was refused becomes a row before anything that stood behind it is sent again.
bool RouteMachine::waits_for_rows() const {
  return later_may_pass_ == connectors::LaterMayPass::kNo && !parking_.is_empty();
}

bool RouteMachine::wants_sink(SteadyTime now) const {
  if (sink_.is_open() || sink_.outstanding() > 0 || !lease_.may_drive(now)) return false;
  if (waits_for_rows()) return false;
  return course_ == Course::kGoing || (course_ == Course::kDraining && source_.is_open() && !begun_is_settled());
}

void RouteMachine::open_sink(SteadyTime now) {
  if (!wants_sink(now) || !sink_.may_open(now)) return;
  ++counters_.sink_openings;
  const auto reaction = sink_.open(surroundings_.clock, interrupt_);
  if (sink_.is_open()) dispatch_->restart();
  if (reaction == RepeatReaction::kFail) begin_failing(*sink_.why());
}

bool RouteMachine::may_submit(SteadyTime now) const {
  return (course_ == Course::kGoing || course_ == Course::kDraining) && source_.is_open() && sink_.takes_messages() &&
         lease_.may_drive(now);
}

void RouteMachine::submit_messages(SteadyTime now) {
  budget_ = kSubmitAtOnce;
  sink_room_ = SinkRoom::kUnknown;
  if (may_submit(now)) {
    // A stopping route finishes what it has begun: what lies between settled deliveries has to be settled
    // too, or those would be sent again after the restart.
    Slot limit = course_ == Course::kDraining ? first_unsent_ : tracker_.end();
    if (const auto held = care_.held()) limit = std::min(limit, *held);
    dispatch_->submit_due(now, limit, *this);
  }
  // What an earlier turn submitted may be left to this one, also where nothing more may be submitted.
  if (since_flush_ == SinceFlush::kNothingSent || budget_ == 0) return;
  since_flush_ = SinceFlush::kNothingSent;
  if (sink_.is_open()) sink_.flush();
}

connectors::Submitted RouteMachine::submit(Slot slot) {
  using connectors::Submitted;
  if (budget_ == 0 || !lease_.may_drive(surroundings_.clock.now())) return Submitted::kFull;
  Delivery& delivery = tracker_.at(slot);
  INVARIANT(delivery.stage == Stage::kWaiting, "a message is submitted when it is not on its way already");
  if (sink_.submit(ticket_of(slot, delivery.submissions + 1), delivery.message) == Submitted::kFull) {
    sink_room_ = SinkRoom::kFull;
    return Submitted::kFull;
  }
  ++delivery.submissions;
  delivery.stage = Stage::kSubmitted;
  first_unsent_ = std::max(first_unsent_, slot.next());
  since_flush_ = SinceFlush::kSent;
  --budget_;
  ++counters_.submitted;
  pass_failpoint("relay.after_publish");
  return Submitted::kAccepted;
}

std::optional<Slot> RouteMachine::find_submitted(connectors::Ticket ticket) {
  const Slot slot{ticket.value >> kSubmissionBits};
  INVARIANT(slot < tracker_.end(), "a sink reports only tickets that it was given");
  if (!tracker_.holds(slot)) return std::nullopt;
  const Delivery& delivery = tracker_.at(slot);
  if (delivery.stage != Stage::kSubmitted || ticket_of(slot, delivery.submissions) != ticket) return std::nullopt;
  return slot;
}

void RouteMachine::park(SteadyTime now) {
  if (source_.is_open()) parking_.pursue(tracker_, now);
}

bool RouteMachine::may_settle() const {
  return source_.may_settle() &&
         (course_ == Course::kGoing || course_ == Course::kFailing || course_ == Course::kDraining);
}

void RouteMachine::settle(SteadyTime now) {
  if (!may_settle()) return;
  const bool reads_later = care_.at_once() || !room_to_read(tracker_, limits_);
  const bool nothing_comes = sink_.outstanding() == 0 && reads_later;
  const bool ends = course_ != Course::kGoing && (sink_.outstanding() == 0 || begun_is_settled());
  const auto hurry = nothing_comes || ends ? SettleCadence::Hurry::kWanted : SettleCadence::Hurry::kNone;
  if (!cadence_.due(tracker_, hurry, now)) return;
  cadence_.told();
  ++counters_.settle_calls;
  source_.settle(tracker_.settled());
}

void RouteMachine::read(SteadyTime now) {
  if (course_ != Course::kGoing || !source_.may_read() || !lease_.may_drive(now)) return;
  auto room = room_to_read(tracker_, limits_);
  if (!room) return;
  if (const auto most = care_.at_once()) {
    // What waits for its sink is on its way for long, and must not be what a crash is laid to.
    if (tracker_.window_events() > 0 || (care_.is_careful() && !sink_.takes_messages())) return;
    room->events = std::min(room->events, *most);
  }
  source_.read(*room);
}

bool RouteMachine::may_take_care(SteadyTime now) const {
  return course_ == Course::kGoing && source_.is_open() && lease_.may_drive(now);
}

// What is begun while the sink takes nothing is sent later, without the turn: an end that comes of it would be laid to
// another route's event.
void RouteMachine::take_care(SteadyTime now) {
  if (may_take_care(now) && sink_.takes_messages())
    care_.pursue(now);
  else
    care_.step_aside();
}

// What its sink lets wait is on its way for long: an end that comes from outside would be laid to it.
void RouteMachine::let_wait(SteadyTime now) {
  if (may_take_care(now) && (!sink_.is_open() || sink_.state().phase != connectors::SinkState::Phase::kReady))
    care_.on_retry();
}

void RouteMachine::begin_failing(Error error) {
  if (failure_ || (course_ != Course::kGoing && course_ != Course::kDraining)) return;
  failure_ = std::move(error);
  care_.on_retry();
  if (course_ == Course::kGoing) course_ = Course::kFailing;
}

void RouteMachine::finish_failing() {
  if (course_ != Course::kFailing) return;
  if (source_.is_open() && sink_.outstanding() == 0 && all_is_stored()) source_.close();
  if (source_.phase() != SourceLink::Phase::kClosed || sink_.outstanding() > 0) return;
  course_ = Course::kFailed;
  care_.clear();  // other routes may wait for the turn that it waited for
}

void RouteMachine::fail(Error error) {
  if (trust_ == Trust::kNo) return;
  trust_ = Trust::kNo;
  failure_ = std::move(error);
  if (course_ == Course::kGoing || course_ == Course::kFailing) course_ = Course::kFailed;
  care_.clear();
  sink_.abandon();
  source_port_.post(CloseSource{});
}

void RouteMachine::drain(SteadyTime deadline) {
  drain_until_ = std::min(drain_until_, deadline);
  if (course_ == Course::kLeaving || course_ == Course::kEnded || course_ == Course::kDraining) return;
  course_ = Course::kDraining;
}

void RouteMachine::finish_draining(SteadyTime now) {
  if (course_ != Course::kDraining) return;
  if (source_.is_open() && begun_is_settled() && all_is_stored()) {
    begin_leaving(Drained::kYes, now);
  } else if (!source_.is_open()) {
    // Without its source nothing can be settled any more.
    const bool nothing_begun = opening_ == Opening::kForgotten || (begun_is_settled() && all_is_stored());
    begin_leaving(nothing_begun ? Drained::kYes : Drained::kNo, now);
  } else if (now >= drain_until_ || (failure_ && sink_.outstanding() == 0 && all_is_stored())) {
    begin_leaving(Drained::kNo, now);
  }
}

void RouteMachine::begin_leaving(Drained drained, SteadyTime now) {
  course_ = Course::kLeaving;
  drained_ = drained;
  drain_until_ = now + kLeaveWithin;
  if (sink_.outstanding() > 0) sink_.abandon();
  if (source_.may_settle() && tracker_.settled() > tracker_.stored()) source_.settle(tracker_.settled());
  care_.leave();
  source_.close();
}

void RouteMachine::finish_leaving(SteadyTime now) {
  if (course_ == Course::kDraining && trust_ == Trust::kNo) {
    course_ = Course::kLeaving;
    drain_until_ = now + kLeaveWithin;
  }
  if (course_ != Course::kLeaving) return;
  const bool closed = trust_ == Trust::kNo || source_.phase() == SourceLink::Phase::kClosed;
  if (closed) lease_.give_back(now, std::nullopt);
  if ((closed && lease_.is_given_back()) || now >= drain_until_) course_ = Course::kEnded;
}

SteadyTime RouteMachine::next_wake(SteadyTime now) const {
  if (course_ == Course::kEnded) return SteadyTime::max();
  if (course_ == Course::kLeaving) return drain_until_;
  SteadyTime wake = std::min(lease_.next_due(), voice_.next_due());
  if (course_ == Course::kDraining) wake = std::min(wake, drain_until_);
  if (trust_ == Trust::kNo) return wake;
  if (may_open_source(now)) wake = std::min(wake, source_.next_due());
  if (wants_sink(now)) wake = std::min(wake, sink_.next_due());
  if (source_.is_open()) wake = std::min(wake, parking_.next_due());
  if (may_take_care(now) && sink_.takes_messages()) wake = std::min(wake, care_.next_due(now));
  if (may_settle()) wake = std::min(wake, cadence_.next_due());
  if (!may_submit(now)) return wake;
  if (budget_ == 0) return now;
  if (sink_room_ == SinkRoom::kFull) wake = std::min(wake, now + kLookAtFullSink);
  return std::min(wake, dispatch_->next_due());
}

}  // namespace penstock::relay
