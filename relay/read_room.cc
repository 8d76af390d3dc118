#include "relay/read_room.h"

#include <algorithm>

namespace penstock::relay {
namespace {

constexpr std::size_t kWorthwhileShare = 8;  // of the window
// Behind an event that can't be delivered a filter may drop any number of others.
constexpr std::size_t kPassedWindows = 2;

// Each event also needs its reserve, so that the window holds after the mapping too; half of the bytes
// are left to the events themselves.
std::size_t events_within(std::size_t bytes) { return bytes / (2 * kReservedPerMessage); }

}  // namespace

std::optional<connectors::ReadRoom> room_to_read(const DeliveryTracker& tracker, const WindowLimits& limits) {
  using connectors::ReadRoom;
  if (tracker.passed_bytes() > kPassedWindows * limits.bytes) return std::nullopt;
  if (tracker.window_events() == 0) {
    const std::size_t events = std::clamp<std::size_t>(events_within(limits.bytes), 1, limits.events);
    const std::size_t reserved = std::min(limits.bytes, events * kReservedPerMessage);
    return ReadRoom{events, limits.bytes - reserved, ReadRoom::Window::kEmpty};
  }
  const std::size_t bytes = tracker.free_bytes();
  const std::size_t events = std::min(tracker.free_events(), events_within(bytes));
  const std::size_t most_events = std::min(limits.events, events_within(limits.bytes));
  if (events == 0 || events < most_events / kWorthwhileShare || bytes < limits.bytes / kWorthwhileShare)
    return std::nullopt;
  return ReadRoom{events, bytes - events * kReservedPerMessage, ReadRoom::Window::kInUse};
}

}  // namespace penstock::relay
