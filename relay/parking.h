// What is set aside: refused events and malformed rows become rows of the parked list, durable before
// what they describe is settled. Single-threaded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "relay/delivery_tracker.h"
#include "relay/reaction.h"
#include "relay/retry_policy.h"
#include "relay/source_port.h"

namespace penstock::relay {

class Parking {
 public:
  struct Names {
    std::string route;
    std::string source;
  };
  Parking(SourcePort& port, const RetryPolicy& policy, Names names)
      : port_(port), back_off_(policy), names_(std::move(names)) {}

  // A delivery in stage kParking.
  void add(Slot slot, store::ParkedAs as);

  // Writes the next rows when it is time to; one write at a time.
  void pursue(DeliveryTracker& tracker, SteadyTime now);

  struct Written {
    Slot slot;
    store::ParkedAs as;
  };
  // Takes the answer to a write: which deliveries may be settled now, or what to do about the error.
  // Nothing of either when the rows belong to an opening that has ended.
  struct Answer {
    std::vector<Written> written;
    std::optional<RepeatReaction> reaction;
  };
  Answer on_parked(Status status, SteadyTime now);

  // The opening ended: what waits will be read again. A write on its way does no harm.
  void clear();

  bool is_empty() const { return waiting_.empty() && being_written_.empty(); }
  bool is_writing() const { return write_ == Write::kAsked; }
  // Why rows can't be written; null when they can.
  const Error* why() const { return error_ ? &*error_ : nullptr; }
  SteadyTime next_due() const;

 private:
  SourcePort& port_;
  BackOff back_off_;
  const Names names_;
  std::vector<Written> waiting_, being_written_;
  enum class Write { kNone, kAsked } write_ = Write::kNone;
  std::optional<Error> error_;
};

// The row for a delivery: of its malformed row, or of its event and why that was refused.
store::ParkedEvent parked_row_of(const Delivery& delivery, store::ParkedAs as, const Parking::Names& names);

}  // namespace penstock::relay
