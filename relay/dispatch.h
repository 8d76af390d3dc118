// In which order deliveries go to the sink, and what waits while one of them is tried again.
//
// Two ways, chosen by what the sink promises and what the operator wants:
// - KeyedDispatch: one unsettled message a (destination, mapped key). A message that has to be sent
//   again holds back its own key only. For sinks where a later message may pass an earlier one.
// - PipelinedDispatch: everything in read order, as fast as the sink takes it. After a retryable
//   outcome nothing more is sent until all outcomes have arrived; then everything unsettled goes
//   again, from the oldest. For sinks where nothing passes, and for order = "pipelined".
//
// Both are single-threaded and deterministic; they hold slots, the tracker holds the deliveries.
#pragma once

#include <memory>

#include "connectors/sink.h"
#include "core/clock.h"
#include "relay/delivery_tracker.h"
#include "relay/retry_policy.h"
#include "relay/route_settings.h"

namespace penstock::relay {

// The way to the sink; implemented by the route.
class SubmitPort {
 public:
  virtual ~SubmitPort() = default;
  // kFull: not now; the dispatch stops and is asked again.
  virtual connectors::Submitted submit(Slot slot) = 0;
  // Submitted and without an outcome.
  virtual std::size_t outstanding() const = 0;
};

class Dispatch {
 public:
  virtual ~Dispatch() = default;

  // A new delivery, mapped; in read order.
  virtual void expect(Slot slot) = 0;
  // It is settled (delivered, parked, skipped) in the tracker.
  virtual void settled(Slot slot) = 0;
  // Its outcome was retryable; the tracker has counted the failure and its stage is kWaiting.
  virtual void failed(Slot slot, SteadyTime now) = 0;

  // Submits what may go now, only slots below `limit`.
  virtual void submit_due(SteadyTime now, Slot limit, SubmitPort& port) = 0;
  // When a back-off ends; SteadyTime::max() when none runs.
  virtual SteadyTime next_due() const = 0;

  // The sink was opened again, all outcomes of before have arrived: back-offs are over.
  virtual void restart() = 0;
  // The opening of the source ended.
  virtual void clear() = 0;
};

// `tracker` and `policy` outlive it.
std::unique_ptr<Dispatch> make_dispatch(connectors::LaterMayPass later_may_pass, Order order, DeliveryTracker& tracker,
                                        const RetryPolicy& policy);

}  // namespace penstock::relay
