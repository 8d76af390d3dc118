#include "relay/settle_cadence.h"

namespace penstock::relay {

bool SettleCadence::due(const DeliveryTracker& tracker, Hurry hurry, SteadyTime now) {
  if (tracker.settled() <= tracker.stored()) {
    since_.reset();
    return false;
  }
  if (!since_) since_ = now;
  return hurry == Hurry::kWanted || tracker.storable_events() >= enough_events_ || now - *since_ >= kLongestWait;
}

}  // namespace penstock::relay
