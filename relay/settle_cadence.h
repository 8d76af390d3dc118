// When the source is told what is settled. Each telling is a round trip with a commit, so under load it
// waits for many events; it never waits long. Single-threaded.
#pragma once

#include <algorithm>
#include <optional>

#include "relay/delivery_tracker.h"

namespace penstock::relay {

class SettleCadence {
 public:
  explicit SettleCadence(std::size_t max_in_flight)
      : enough_events_(std::clamp<std::size_t>(max_in_flight / 4, 1, kMostEvents)) {}

  // kWanted: the route is stopping, or waits for nothing but room in the window.
  enum class Hurry { kNone, kWanted };
  bool due(const DeliveryTracker& tracker, Hurry hurry, SteadyTime now);
  // The source was told.
  void told() { since_.reset(); }
  // When due() may become true by itself.
  SteadyTime next_due() const { return since_ ? *since_ + kLongestWait : SteadyTime::max(); }

 private:
  static constexpr std::size_t kMostEvents = 2'000;
  static constexpr std::chrono::milliseconds kLongestWait{50};

  const std::size_t enough_events_;
  std::optional<SteadyTime> since_;  // something has been settled and not stored
};

}  // namespace penstock::relay
