// The whole logic of one route as a state machine: fed with what happened, it decides what is done
// next. No thread, no sleep and no clock of its own, so that a seed can drive it through every fault.
//
//   source → filter → mapping → dispatch → sink → outcomes → tracker → settle at the source
//
// Inputs are the on_… calls, drain() and fail(); advance() does what is due and says when it wants to
// be called again at the latest. It calls the sink itself (open() may block until its deadline) and
// posts commands for the source and the lease, whose answers come back as inputs.
//
// What it promises, whatever the order of inputs:
// - nothing is settled at the source before everything up to it was delivered, parked or filtered;
// - no event is submitted twice at the same time, and none without a lease that can be trusted;
// - order per (destination, key) as dispatch.h says;
// - the in-flight window stays within its limits, but for one event when it is empty.
//
// Threads: one. Everything handed in outlives it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/kind.h"
#include "connectors/outcome.h"
#include "connectors/sink.h"
#include "relay/care.h"
#include "relay/delivery_tracker.h"
#include "relay/dispatch.h"
#include "relay/lease_hold.h"
#include "relay/mapping/mapping.h"
#include "relay/parking.h"
#include "relay/route_report.h"
#include "relay/route_voice.h"
#include "relay/settle_cadence.h"
#include "relay/sink_link.h"
#include "relay/source_link.h"

namespace penstock::relay {

class RouteMachine final : private SubmitPort {
 public:
  struct Ends {
    SourcePort& source;
    LeasePort& lease;
    connectors::Sink& sink;
    CareTurn& turn;
  };
  // `interrupt` ends the wait inside Sink::open(). It is looked at with each opening: who feeds the machine puts a new
  // one there before it looks for what came in, so that what comes in later ends the wait too.
  RouteMachine(const RouteSettings& settings, std::string source_name, Mapping mapping, Ends ends,
               const connectors::Surroundings& surroundings, RouteVoice& voice, const std::stop_token& interrupt);
  ~RouteMachine() override;

  void on_lease(LeaseNews news);
  // `figures` are those of the source after the answer.
  void on_source(SourceAnswer answer, const connectors::SourceFigures& figures);
  // Outcomes of tickets that are not on their way are counted and otherwise ignored.
  void on_reports(std::span<const connectors::DeliveryReport> reports);
  void on_sink_changed();

  // Stops reading; settles what is in flight until the deadline; then closes the source, gives the
  // lease back, and has_ended().
  void drain(SteadyTime deadline);
  // An invariant broke, or something unforeseen was thrown: nothing is submitted or settled any more.
  // Keeps the lease.
  void fail(Error error);

  SteadyTime advance();

  bool has_ended() const { return course_ == Course::kEnded; }
  // Everything that was begun was settled; only once it has ended.
  bool ended_drained() const { return drained_ == Drained::kYes; }

  RouteReport report() const;

 private:
  enum class Course {
    kGoing,
    kFailing,   // a message was refused for good, or nothing can be trusted: no more reading and sending
    kFailed,    // and everything has ended but the lease
    kDraining,  // stopping: what was begun is brought to its end
    kLeaving,   // closing the source, then giving the lease back
    kEnded,
  };
  enum class Drained { kNo, kYes };

  // What advance() does, in its order.
  void keep_lease(SteadyTime now);
  void wind_up(SteadyTime now);
  void open_source(SteadyTime now);
  void open_sink(SteadyTime now);
  void submit_messages(SteadyTime now);
  void park(SteadyTime now);
  void settle(SteadyTime now);
  void read(SteadyTime now);
  void take_care(SteadyTime now);
  void let_wait(SteadyTime now);
  void finish_failing();
  void finish_draining(SteadyTime now);
  void finish_leaving(SteadyTime now);
  SteadyTime next_wake(SteadyTime now) const;

  void begin_failing(Error error);
  void begin_leaving(Drained drained, SteadyTime now);

  void on_source_ended(const std::optional<SourceLink::Ended>& ended);
  void on_opened(SourceOpened opened, SteadyTime now);
  void on_read(SourceRead read, SteadyTime now);
  void on_settled(const SourceSettled& settled, SteadyTime now);
  void on_parked(Status status, SteadyTime now);
  void on_begun(Result<AttemptBook::Verdict> verdict, SteadyTime now);
  void on_taken_back(const TakenBack& taken);
  void take_in(std::span<connectors::ReadItem> items, SteadyTime now);
  void hold(Slot first);
  void map(Slot slot, SteadyTime now);
  void on_outcome(Slot slot, const connectors::DeliveryReport& report, SteadyTime now);
  void set_aside(Slot slot, std::shared_ptr<const Error> why, store::ParkedAs as, SteadyTime now);
  void finish(Slot slot);
  std::optional<Slot> find_submitted(connectors::Ticket ticket);

  connectors::Submitted submit(Slot slot) override;
  std::size_t outstanding() const override { return sink_.outstanding(); }

  bool may_open_source(SteadyTime now) const;
  bool may_take_care(SteadyTime now) const;
  bool waits_for_rows() const;
  bool wants_sink(SteadyTime now) const;
  bool may_submit(SteadyTime now) const;
  bool may_settle() const;
  // Everything that was ever given to the sink is settled.
  bool begun_is_settled() const { return tracker_.oldest_unsettled() >= first_unsent_; }
  bool all_is_stored() const { return tracker_.settled() == tracker_.stored() && !source_.is_settling(); }

  struct Condition {
    RoutePhase phase;
    const Error* why;
  };
  Condition condition() const;
  std::optional<Condition> condition_of_lease() const;
  std::optional<Condition> condition_of_source() const;
  std::optional<Condition> condition_of_sink() const;

  const RouteSettings settings_;
  const WindowLimits limits_;
  const connectors::Surroundings& surroundings_;
  const std::stop_token& interrupt_;
  const connectors::LaterMayPass later_may_pass_;
  const RetryPolicy policy_;
  Mapping mapping_;

  SourcePort& source_port_;
  LeaseHold lease_;
  SourceLink source_;
  SinkLink sink_;
  DeliveryTracker tracker_;
  std::unique_ptr<Dispatch> dispatch_;
  SettleCadence cadence_;
  Parking parking_;
  Care care_;
  RouteVoice& voice_;

  Course course_ = Course::kGoing;
  enum class Trust { kYes, kNo } trust_ = Trust::kYes;  // kNo: the state of this object may be wrong
  Drained drained_ = Drained::kNo;
  // Whether tracker and dispatch hold something of an opening that must be forgotten before the next.
  enum class Opening { kForgotten, kRemembered } opening_ = Opening::kForgotten;
  std::optional<Error> failure_;
  std::shared_ptr<const Error> retry_error_;
  SteadyTime drain_until_ = SteadyTime::max();
  Slot first_unsent_{1};  // no slot from here on was ever submitted
  std::size_t budget_ = 0;
  enum class SinceFlush { kNothingSent, kSent } since_flush_ = SinceFlush::kNothingSent;
  enum class SinkRoom { kUnknown, kFull } sink_room_ = SinkRoom::kUnknown;
  RouteCounters counters_;
  connectors::SourceFigures figures_;
};

}  // namespace penstock::relay
