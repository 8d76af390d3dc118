// See dispatch.h: everything in read order, go back to the oldest unsettled after a failure.
#pragma once

#include <optional>

#include "relay/dispatch.h"

namespace penstock::relay {

class PipelinedDispatch final : public Dispatch {
 public:
  PipelinedDispatch(DeliveryTracker& tracker, const RetryPolicy& policy) : tracker_(tracker), back_off_(policy) {}

  void expect(Slot slot) override;
  void settled(Slot slot) override;
  void failed(Slot slot, SteadyTime now) override;
  void submit_due(SteadyTime now, Slot limit, SubmitPort& port) override;
  SteadyTime next_due() const override;
  void restart() override;
  void clear() override;

 private:
  DeliveryTracker& tracker_;
  BackOff back_off_;  // of whole rounds
  enum class Course {
    kForward,
    kHeld,        // a message failed: nothing is sent until all outcomes are there
    kBackingOff,  // they are: waiting to begin again from the oldest
  } course_ = Course::kForward;
  Slot next_{0};  // the next to be submitted, if it still waits
};

}  // namespace penstock::relay
