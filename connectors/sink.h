// Where events go: the contract of every sink.
//
// submit() takes a message or answers that it is full; it never waits for the network. What became of
// the message arrives later, exactly once for each accepted message, through the OutcomeListener that
// the sink was made with, from whatever thread the sink has. Accepted is not delivered.
//
// Threads: one thread of the relay makes all calls; state() may be called from any.
// Order: a sink sends messages of one (destination, key) in the order of their submission. Whether a
// later one can be delivered though an earlier one failed, it declares by `later_may_pass`.
#pragma once

#include <stop_token>
#include <string>

#include "connectors/message.h"
#include "connectors/outcome.h"
#include "core/clock.h"
#include "core/error.h"

namespace penstock::connectors {

enum class Submitted { kAccepted, kFull };

// Whether a later message of a key can be delivered though an earlier one failed. If so, a route with
// order = "strict" keeps one unsettled message a key.
// kNo: once a message has failed (retryable or rejected), nothing that was submitted after it on its
// key is delivered in this opening. The sink then goes kBroken, takes nothing more, reports the rest,
// and is opened again: what failed as retryable is submitted again in its order.
enum class LaterMayPass { kNo, kYes };

struct SinkState {
  enum class Phase {
    kClosed,  // not opened yet, or closed
    kReady,
    kBlocked,  // connected, but the other side asks to wait; heals by itself
    kAway,     // the other side can't be reached; the sink itself goes on trying, nothing is lost
    kBroken,   // the session is lost: once all outcomes have arrived, open() must be called again
  };
  Phase phase = Phase::kClosed;
  std::shared_ptr<const Error> why;  // for kBlocked, kAway, kBroken
};

class Sink {
 public:
  virtual ~Sink() = default;  // ends its threads; reports nothing any more

  virtual LaterMayPass later_may_pass() const = 0;

  // Connects and looks whether the destination is there (never creates one). Called again after
  // kBroken; by then every accepted message has had its outcome. Errors: unavailable, unauthorized,
  // invalid.
  virtual Status open(Deadline deadline, std::stop_token stop) = 0;

  // The message stays where it is, unchanged, until its outcome has been reported: the sink may send
  // straight from its memory. kFull: nothing was taken; try again after an outcome or a state change.
  virtual Submitted submit(Ticket ticket, const Message& message) = 0;

  // No more messages for the moment: send what is held back to make a larger batch.
  virtual void flush() = 0;

  // Waits until every accepted message has had its outcome; kNotAll if the deadline came first.
  enum class Drained { kAll, kNotAll };
  virtual Drained drain(Deadline deadline) = 0;

  // The right to send was lost: drops what was not yet sent and reports it, and what is on its way
  // as it becomes known, as kRetryable. Afterwards the state is kBroken or kClosed.
  virtual void abandon() = 0;

  virtual SinkState state() const = 0;
};

}  // namespace penstock::connectors
