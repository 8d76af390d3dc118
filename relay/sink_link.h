// The state of a route's sink as the route sees it: whether it takes messages, how many it has without
// an outcome, and when it may be opened again. Single-threaded.
#pragma once

#include <optional>
#include <stop_token>

#include "connectors/sink.h"
#include "relay/reaction.h"
#include "relay/retry_policy.h"

namespace penstock::relay {

class SinkLink {
 public:
  SinkLink(connectors::Sink& sink, const RetryPolicy& policy) : sink_(sink), back_off_(policy) {}

  // Messages may be submitted. An away sink takes them too: some client libraries connect only when
  // there is something to send.
  bool takes_messages() const;
  bool is_open() const { return session_ == Session::kOpen; }
  // All outcomes of the last session are there and the back-off is over.
  bool may_open(SteadyTime now) const {
    return session_ == Session::kEnded && outstanding_ == 0 && now >= back_off_.until();
  }

  // Blocks until the deadline at the latest. Returns what is to be done when it failed.
  std::optional<RepeatReaction> open(const Clock& clock, std::stop_token stop);
  // Looks at the sink's state; the session may turn out to be lost.
  void look(SteadyTime now);

  connectors::Submitted submit(connectors::Ticket ticket, const connectors::Message& message);
  void flush() { sink_.flush(); }
  // The right to send is gone: what was not sent is dropped.
  void abandon();

  void outcome_arrived();
  // The session works: the next loss is a new fault. Opening alone is no proof of that.
  void delivered() { back_off_.succeeded(); }
  // A message that it refused is settled all the same: a session that ended for it was no fault.
  void refusal_settled() {
    back_off_.succeeded();
    error_.reset();
  }
  std::size_t outstanding() const { return outstanding_; }

  const connectors::SinkState& state() const { return state_; }
  // Why it is not open; null when it is, or at the very start.
  const Error* why() const { return error_.get(); }
  SteadyTime next_due() const {
    return session_ == Session::kEnded && outstanding_ == 0 ? back_off_.until() : SteadyTime::max();
  }

 private:
  connectors::Sink& sink_;
  BackOff back_off_;
  enum class Session { kEnded, kOpen } session_ = Session::kEnded;
  enum class Abandoned { kNo, kYes } abandoned_ = Abandoned::kNo;
  connectors::SinkState state_;
  std::shared_ptr<const Error> error_;
  std::size_t outstanding_ = 0;
};

}  // namespace penstock::relay
