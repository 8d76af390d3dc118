// See dispatch.h: one unsettled message a key.
#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "relay/dispatch.h"

namespace penstock::relay {

// A lane is known by a hash of destination and key: two keys that share one are ordered with each
// other too, which costs a little time and no promise.
class KeyedDispatch final : public Dispatch {
 public:
  KeyedDispatch(DeliveryTracker& tracker, const RetryPolicy& policy) : tracker_(tracker), policy_(policy) {}

  void expect(Slot slot) override;
  void settled(Slot slot) override;
  void failed(Slot slot, SteadyTime now) override;
  void submit_due(SteadyTime now, Slot limit, SubmitPort& port) override;
  SteadyTime next_due() const override;
  void restart() override;
  void clear() override;

 private:
  struct Retry {
    SteadyTime due;
    Slot slot;
    bool operator>(const Retry& other) const { return due > other.due || (due == other.due && slot > other.slot); }
  };

  DeliveryTracker& tracker_;
  const RetryPolicy& policy_;
  std::unordered_map<std::uint64_t, Slot> last_in_lane_;
  std::deque<Slot> ready_;      // first of their lanes, in the order in which they became it
  std::vector<Retry> retries_;  // first of their lanes, backing off; a heap, earliest on top
};

}  // namespace penstock::relay
