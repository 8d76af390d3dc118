// What became of a submitted message, and how a sink says it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/error.h"

namespace penstock::connectors {

enum class Outcome {
  kDelivered,  // durable at the broker, as the sink's README defines it
  kRetryable,  // not delivered, or unknown: the same message may be submitted again
  kRejected,   // this message is refused, now and later
};

// Chosen by the relay, given back by the sink with the outcome; no meaning to the sink.
struct Ticket {
  std::uint64_t value = 0;
  bool operator==(const Ticket&) const = default;
};

struct DeliveryReport {
  Ticket ticket;
  Outcome outcome = Outcome::kDelivered;
  std::shared_ptr<const Error> error;  // null for kDelivered; may be shared by many reports
};

// Receives outcomes; implemented by the relay. Thread-safe, quick, never calls back into the sink.
class OutcomeListener {
 public:
  virtual ~OutcomeListener() = default;
  virtual void report(std::span<const DeliveryReport> reports) = 0;
  // The sink's state changed: look at state() again.
  virtual void sink_changed() = 0;
};

}  // namespace penstock::connectors
