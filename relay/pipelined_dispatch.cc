#include "relay/pipelined_dispatch.h"

#include <algorithm>

#include "relay/keyed_dispatch.h"

namespace penstock::relay {

void PipelinedDispatch::expect(Slot slot) {
  if (next_.value == 0) next_ = slot;
}

void PipelinedDispatch::settled(Slot) {
  if (tracker_.failing() == 0) back_off_.succeeded();
}

void PipelinedDispatch::failed(Slot, SteadyTime) { course_ = Course::kHeld; }

void PipelinedDispatch::submit_due(SteadyTime now, Slot limit, SubmitPort& port) {
  if (course_ == Course::kHeld) {
    if (port.outstanding() > 0) return;
    back_off_.failed(now);
    course_ = Course::kBackingOff;
  }
  if (course_ == Course::kBackingOff) {
    if (now < back_off_.until()) return;
    restart();
  }
  if (next_.value == 0) return;
  next_ = std::max(next_, tracker_.oldest_unsettled());
  const Slot end = std::min(tracker_.end(), limit);
  for (; next_ < end; next_ = next_.next()) {
    if (tracker_.at(next_).stage != Stage::kWaiting) continue;
    if (port.submit(next_) == connectors::Submitted::kFull) return;
  }
}

SteadyTime PipelinedDispatch::next_due() const {
  return course_ == Course::kBackingOff ? back_off_.until() : SteadyTime::max();
}

void PipelinedDispatch::restart() {
  course_ = Course::kForward;
  if (next_.value != 0) next_ = tracker_.oldest_unsettled();
}

void PipelinedDispatch::clear() {
  course_ = Course::kForward;
  next_ = Slot{0};
}

std::unique_ptr<Dispatch> make_dispatch(connectors::LaterMayPass later_may_pass, Order order, DeliveryTracker& tracker,
                                        const RetryPolicy& policy) {
  if (later_may_pass == connectors::LaterMayPass::kYes && order == Order::kStrict)
    return std::make_unique<KeyedDispatch>(tracker, policy);
  return std::make_unique<PipelinedDispatch>(tracker, policy);
}

}  // namespace penstock::relay
