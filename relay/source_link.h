// The state of a route's source as the route sees it: which opening it is in, what was asked of it and
// not answered, and when it may be opened again. Single-threaded.
#pragma once

#include <optional>

#include "core/random.h"
#include "relay/reaction.h"
#include "relay/retry_policy.h"
#include "relay/source_port.h"

namespace penstock::relay {

class SourceLink {
 public:
  enum class Phase {
    kClosed,  // nothing is asked; may be opened
    kOpening,
    kOpen,
    kEnding,  // lost or closing: some answers are still to come
  };

  SourceLink(SourcePort& port, const RetryPolicy& policy) : port_(port), back_off_(policy) {}

  Phase phase() const { return phase_; }
  bool is_open() const { return phase_ == Phase::kOpen; }
  bool may_open(SteadyTime now) const { return phase_ == Phase::kClosed && now >= open_at_; }
  bool may_read() const { return is_open() && read_ == Asked::kNo; }
  bool may_settle() const { return is_open() && settle_ == Asked::kNo; }
  bool is_settling() const { return settle_ == Asked::kYes; }

  void open(const Lease& lease);
  void read(const connectors::ReadRoom& room);
  void settle(ReadMark mark);
  // Ends the opening; it may be opened again at once.
  void close();

  // Takes the answer to an open, read, settle or close. Its error, if it ended an opening that was
  // wanted, tells what is to be done; errors that follow from an earlier one are swallowed.
  struct Ended {
    SourceReaction reaction;
    Error error;
  };
  std::optional<Ended> on_opened(Status status, SteadyTime now);
  std::optional<Ended> on_read(SourceRead& answer, SteadyTime now);
  std::optional<Ended> on_settled(const Status& status, SteadyTime now);
  std::optional<Ended> on_lost(Error error, SteadyTime now);
  void on_closed();
  // It had nothing, and nothing of it is in flight: it works.
  void rests() { back_off_.succeeded(); }

  // Another relay holds the table, since then.
  std::optional<SteadyTime> locked_out_since() const { return locked_out_since_; }
  void forget_lock_out() { locked_out_since_.reset(); }

  // Why it is not open; null when it is, or at the very start.
  const Error* why() const { return error_ ? &*error_ : nullptr; }
  SteadyTime next_due() const { return phase_ == Phase::kClosed ? open_at_ : SteadyTime::max(); }

 private:
  enum class Asked { kNo, kYes };
  std::optional<Ended> end(SourceStep step, Error error, SteadyTime now);
  void answered();

  SourcePort& port_;
  BackOff back_off_;
  Phase phase_ = Phase::kClosed;
  Asked read_ = Asked::kNo, settle_ = Asked::kNo;
  std::size_t unanswered_ = 0;
  SteadyTime open_at_{}, read_at_{};
  std::optional<SteadyTime> locked_out_since_;
  std::optional<Error> error_;
};

}  // namespace penstock::relay
