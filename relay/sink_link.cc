#include "relay/sink_link.h"

#include <utility>

#include "core/invariant.h"

namespace penstock::relay {
namespace {

using Phase = connectors::SinkState::Phase;

constexpr std::chrono::seconds kOpenWait{10};

}  // namespace

bool SinkLink::takes_messages() const {
  return session_ == Session::kOpen && (state_.phase == Phase::kReady || state_.phase == Phase::kAway);
}

std::optional<RepeatReaction> SinkLink::open(const Clock& clock, std::stop_token stop) {
  INVARIANT(outstanding_ == 0, "a sink is opened when all outcomes are there");
  Status opened = sink_.open(Deadline::in(kOpenWait), std::move(stop));
  if (!opened) {
    const RepeatReaction reaction = react_to_open_error(opened.error().kind());
    error_ = std::make_shared<const Error>(std::move(opened.error()));
    back_off_.failed(clock.now());
    return reaction;
  }
  session_ = Session::kOpen;
  abandoned_ = Abandoned::kNo;
  error_.reset();
  look(clock.now());
  return std::nullopt;
}

void SinkLink::look(SteadyTime now) {
  if (session_ != Session::kOpen) return;
  state_ = sink_.state();
  if (state_.phase != Phase::kBroken && state_.phase != Phase::kClosed) return;
  session_ = Session::kEnded;
  error_ = state_.why;
  back_off_.failed(now);
}

connectors::Submitted SinkLink::submit(connectors::Ticket ticket, const connectors::Message& message) {
  const connectors::Submitted submitted = sink_.submit(ticket, message);
  if (submitted == connectors::Submitted::kAccepted) ++outstanding_;
  return submitted;
}

void SinkLink::abandon() {
  if (abandoned_ == Abandoned::kYes) return;
  abandoned_ = Abandoned::kYes;
  if (session_ == Session::kOpen || outstanding_ > 0) sink_.abandon();
  session_ = Session::kEnded;
  state_ = {};
}

void SinkLink::outcome_arrived() {
  INVARIANT(outstanding_ > 0, "every outcome belongs to a message that was submitted");
  --outstanding_;
}

}  // namespace penstock::relay
