// RouteMachine: what comes in, and what is told about it.
#include <algorithm>
#include <utility>

#include "core/failpoint.h"
#include "core/invariant.h"
#include "core/overloaded.h"
#include "relay/read_room.h"
#include "relay/route_machine.h"

namespace penstock::relay {
namespace {

std::string name_of(const Event& event) {
  std::string name = "event " + event.id.to_string();
  if (event.position) name += " at position " + std::to_string(event.position->value);
  return name;
}

// An event without a time of its own waits at least since it was read.
Timestamp waits_since(const Delivery& delivery) {
  const Event* event = delivery.message.event.get();
  if (event != nullptr && event->recorded_at) return *event->recorded_at;
  if (event != nullptr && event->occurred_at) return *event->occurred_at;
  return delivery.read_at;
}

}  // namespace

void RouteMachine::on_lease(LeaseNews news) { lease_.on_news(std::move(news), surroundings_.clock.now()); }

void RouteMachine::on_sink_changed() {
  if (trust_ == Trust::kYes) sink_.look(surroundings_.clock.now());
}

void RouteMachine::on_source(SourceAnswer answer, const connectors::SourceFigures& figures) {
  if (trust_ == Trust::kNo) return;
  figures_ = figures;
  const SteadyTime now = surroundings_.clock.now();
  std::visit(Overloaded{
                 [&](SourceOpened& opened) { on_opened(std::move(opened), now); },
                 [&](SourceRead& was_read) { on_read(std::move(was_read), now); },
                 [&](const SourceSettled& settled) { on_settled(settled, now); },
                 [&](RowsParked& parked) { on_parked(std::move(parked.status), now); },
                 [&](const SourceClosed&) { source_.on_closed(); },
                 [&](AttemptBegun& begun) { on_begun(std::move(begun.verdict), now); },
                 [&](const TakenBack& taken) { on_taken_back(taken); },
                 [&](SourceLost& lost) { on_source_ended(source_.on_lost(std::move(lost.error), now)); },
             },
             answer);
}

void RouteMachine::on_source_ended(const std::optional<SourceLink::Ended>& ended) {
  if (!ended) return;
  switch (ended->reaction) {
    case SourceReaction::kReopen:
    case SourceReaction::kStandBy: return;
    case SourceReaction::kYield: lease_.lose(ended->error); return;
    case SourceReaction::kFail: begin_failing(ended->error); return;
  }
}

void RouteMachine::on_opened(SourceOpened opened, SteadyTime now) {
  on_source_ended(source_.on_opened(std::move(opened.status), now));
  if (!source_.is_open()) return;
  care_.on_opened(opened.unended);
  if (care_.is_careful()) voice_.goes_carefully(opened.unended);
}

void RouteMachine::on_read(SourceRead answer, SteadyTime now) {
  on_source_ended(source_.on_read(answer, now));
  auto& batch = answer.batch;
  if (answer.found_nothing() && tracker_.window_events() == 0) {
    source_.rests();
    care_.on_idle();
  }
  // A stopping route leaves what it has not begun to its next opening.
  if (!batch || batch->items.empty() || course_ != Course::kGoing || !source_.is_open()) return;
  pass_failpoint("relay.after_read");
  const Slot first = tracker_.end();
  take_in(batch->items, now);
  read(now);  // the source works on while this batch is mapped
  if (care_.is_careful()) {
    hold(first);
    return;
  }
  for (Slot slot = first; slot < tracker_.end() && course_ == Course::kGoing; slot = slot.next()) map(slot, now);
}

// At most one event was asked for; a malformed row is on its way to the parked list, and needs no care.
void RouteMachine::hold(Slot first) {
  for (Slot slot = first; slot < tracker_.end(); slot = slot.next()) {
    const Delivery& delivery = tracker_.at(slot);
    if (delivery.stage == Stage::kWaiting) care_.hold(slot, delivery.message.event->id.to_string());
  }
}

void RouteMachine::on_begun(Result<AttemptBook::Verdict> verdict, SteadyTime now) {
  const auto slot = care_.on_begun(now);
  if (!verdict) {
    on_source_ended(source_.on_lost(std::move(verdict.error()), now));
    return;
  }
  if (!slot || !source_.is_open() || course_ != Course::kGoing) return;
  switch (*verdict) {
    case AttemptBook::Verdict::kTry: map(*slot, now); return;
    case AttemptBook::Verdict::kGiveUp:
      set_aside(*slot,
                std::make_shared<const Error>(codes::kRelayCrashedOn,
                                              "the program ended " + std::to_string(settings_.attempts) +
                                                  " times while this event, and no other, was on its way"),
                store::ParkedAs::kParked, now);
      return;
  }
}

void RouteMachine::on_taken_back(const TakenBack& taken) {
  const bool was_careful = care_.is_careful();
  care_.on_taken_back(taken.what, taken.status);
  if (was_careful && !care_.is_careful()) voice_.no_longer_careful();
}

void RouteMachine::take_in(std::span<connectors::ReadItem> items, SteadyTime now) {
  const bool admits_all = settings_.filter.admits_all();
  const Timestamp read_at = surroundings_.clock.wall_now();
  for (connectors::ReadItem& item : items) {
    if (item.malformed) {
      const Slot slot = tracker_.expect(item.mark, item.malformed->content.size() + kReservedPerMessage);
      Delivery& delivery = tracker_.at(slot);
      delivery.malformed = std::move(item.malformed);
      delivery.read_at = read_at;
      delivery.stage = Stage::kParking;
      parking_.add(slot, store::ParkedAs::kParked);
      voice_.parked(delivery.malformed->code, delivery.malformed->reason, delivery.malformed->source_key, now);
    } else if (item.event && (admits_all || settings_.filter.admits(*item.event))) {
      const Slot slot = tracker_.expect(item.mark, item.event->size_bytes() + kReservedPerMessage);
      Delivery& delivery = tracker_.at(slot);
      delivery.message.event = std::move(item.event);
      delivery.read_at = read_at;
    } else {
      if (item.event) ++counters_.filtered;
      tracker_.pass(item.mark, item.event ? item.event->size_bytes() + kReservedPerMessage : 0);
    }
  }
}

void RouteMachine::map(Slot slot, SteadyTime now) {
  Delivery& delivery = tracker_.at(slot);
  if (delivery.stage != Stage::kWaiting) return;
  pass_failpoint("relay.before_mapping", delivery.message.event->id);
  auto message = mapping_.map(delivery.message.event);
  if (message) {
    delivery.message = std::move(*message);
    tracker_.resize(slot, delivery.message.size_bytes());
    dispatch_->expect(slot);
    return;
  }
  const ErrorKind kind = message.error().kind();
  auto why = std::make_shared<const Error>(std::move(message.error()));
  switch (react_to_outcome(connectors::Outcome::kRejected, kind, settings_.on_reject)) {
    case Reaction::kPark: set_aside(slot, std::move(why), store::ParkedAs::kParked, now); return;
    case Reaction::kSkip: set_aside(slot, std::move(why), store::ParkedAs::kSkipped, now); return;
    case Reaction::kSettle:
    case Reaction::kRetry:
    case Reaction::kFail: begin_failing(Error(*why).with_context(name_of(*delivery.message.event))); return;
  }
}

void RouteMachine::on_settled(const SourceSettled& settled, SteadyTime now) {
  on_source_ended(source_.on_settled(settled.status, now));
  if (!settled.status || opening_ == Opening::kForgotten) return;
  const ReadMark before = tracker_.stored();
  tracker_.store(settled.mark);
  care_.on_stored(settled.mark.value - before.value, tracker_.first());
  pass_failpoint("relay.after_settle");
}

void RouteMachine::on_parked(Status status, SteadyTime now) {
  const Parking::Answer answer = parking_.on_parked(std::move(status), now);
  for (const Parking::Written& row : answer.written) {
    ++(row.as == store::ParkedAs::kSkipped ? counters_.skipped : counters_.parked);
    if (tracker_.at(row.slot).submissions > 0) sink_.refusal_settled();
    finish(row.slot);
  }
  if (answer.reaction == RepeatReaction::kFail) begin_failing(*parking_.why());
}

void RouteMachine::on_reports(std::span<const connectors::DeliveryReport> reports) {
  if (trust_ == Trust::kNo) return;
  const SteadyTime now = surroundings_.clock.now();
  for (const connectors::DeliveryReport& report : reports) {
    if (const auto slot = find_submitted(report.ticket)) {
      sink_.outcome_arrived();
      on_outcome(*slot, report, now);
    } else {
      ++counters_.unexpected_reports;
      voice_.unexpected_report();
    }
  }
}

void RouteMachine::on_outcome(Slot slot, const connectors::DeliveryReport& report, SteadyTime now) {
  const auto kind = report.error ? std::optional(report.error->kind()) : std::nullopt;
  Delivery& delivery = tracker_.at(slot);
  voice_.outcome(*delivery.message.event, delivery.submissions, report);
  switch (react_to_outcome(report.outcome, kind, settings_.on_reject)) {
    case Reaction::kSettle:
      pass_failpoint("relay.after_ack");
      ++counters_.delivered;
      sink_.delivered();
      finish(slot);
      return;
    case Reaction::kRetry:
      ++counters_.retries;
      retry_error_ = report.error;
      care_.on_retry();
      delivery.stage = Stage::kWaiting;
      tracker_.mark_failed(slot);
      dispatch_->failed(slot, now);
      return;
    case Reaction::kPark: set_aside(slot, report.error, store::ParkedAs::kParked, now); return;
    case Reaction::kSkip: set_aside(slot, report.error, store::ParkedAs::kSkipped, now); return;
    case Reaction::kFail:
      delivery.stage = Stage::kWaiting;
      begin_failing((report.error ? Error(*report.error) : Error(codes::kInternal, "the sink gave no reason"))
                        .with_context(name_of(*delivery.message.event)));
      return;
  }
}

void RouteMachine::set_aside(Slot slot, std::shared_ptr<const Error> why, store::ParkedAs as, SteadyTime now) {
  Delivery& delivery = tracker_.at(slot);
  delivery.stage = Stage::kParking;
  delivery.refusal = std::move(why);
  parking_.add(slot, as);
  const std::string_view code = delivery.refusal ? delivery.refusal->code().name : std::string_view();
  const std::string_view reason =
      delivery.refusal ? std::string_view(delivery.refusal->message()) : "the sink gave no reason";
  voice_.parked(code, reason, name_of(*delivery.message.event), now);
}

void RouteMachine::finish(Slot slot) {
  tracker_.settle(slot);
  dispatch_->settled(slot);
}

std::optional<RouteMachine::Condition> RouteMachine::condition_of_lease() const {
  if (lease_.is_held()) return std::nullopt;
  const Error* why = lease_.why() != nullptr ? lease_.why() : source_.why();
  if (why == nullptr) return Condition{RoutePhase::kStarting, nullptr};
  const bool stands_by = react_to_lease_error(why->kind()) == LeaseReaction::kStandBy;
  return Condition{stands_by ? RoutePhase::kStandby : RoutePhase::kBackingOff, why};
}

std::optional<RouteMachine::Condition> RouteMachine::condition_of_source() const {
  if (source_.is_open()) return std::nullopt;
  const Error* why = source_.why();
  if (why == nullptr) return Condition{RoutePhase::kStarting, nullptr};
  const bool stands_by = react_to_source_error(SourceStep::kOpening, why->kind()) == SourceReaction::kStandBy;
  return Condition{stands_by ? RoutePhase::kStandby : RoutePhase::kBackingOff, why};
}

std::optional<RouteMachine::Condition> RouteMachine::condition_of_sink() const {
  using Phase = connectors::SinkState::Phase;
  if (!sink_.is_open()) {
    const Error* why = sink_.why();
    // A session that ended for a refused message waits for that message's row, and is no fault.
    if (why != nullptr && waits_for_rows() && is_refusal_of_message(why->kind())) return std::nullopt;
    return Condition{why == nullptr ? RoutePhase::kStarting : RoutePhase::kBackingOff, why};
  }
  const connectors::SinkState& state = sink_.state();
  if (state.phase == Phase::kBlocked) return Condition{RoutePhase::kBlocked, state.why.get()};
  if (state.phase == Phase::kAway) return Condition{RoutePhase::kBackingOff, state.why.get()};
  return std::nullopt;
}

RouteMachine::Condition RouteMachine::condition() const {
  switch (course_) {
    case Course::kFailing:
    case Course::kFailed: return {RoutePhase::kFailed, failure_ ? &*failure_ : nullptr};
    case Course::kDraining:
    case Course::kLeaving: return {RoutePhase::kDraining, nullptr};
    case Course::kEnded: return {RoutePhase::kStopped, nullptr};
    case Course::kGoing: break;
  }
  if (const auto found = condition_of_lease()) return *found;
  if (const auto found = condition_of_source()) return *found;
  if (const auto found = condition_of_sink()) return *found;
  if (parking_.why() != nullptr) return {RoutePhase::kBackingOff, parking_.why()};
  if (tracker_.failing() > 0) return {RoutePhase::kBackingOff, retry_error_.get()};
  return {RoutePhase::kRunning, nullptr};
}

RouteReport RouteMachine::report() const {
  RouteReport report;
  report.phase = voice_.phase();
  report.code = voice_.code();
  report.message = voice_.message();
  report.since = voice_.since();
  report.lease = lease_.is_held() ? RouteReport::Held::kYes : RouteReport::Held::kNo;
  report.source_is = source_.is_open() ? RouteReport::Open::kYes : RouteReport::Open::kNo;
  report.counters = counters_;
  report.source = figures_;
  report.in_flight = tracker_.window_events();
  report.in_flight_bytes = tracker_.window_bytes();
  if (const Slot oldest = tracker_.oldest_unsettled(); oldest < tracker_.end())
    report.oldest_unsettled = waits_since(tracker_.at(oldest));
  return report;
}

}  // namespace penstock::relay
