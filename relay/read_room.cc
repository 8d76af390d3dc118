#include "relay/read_room.h"

#include <algorithm>

namespace penstock::relay {
namespace {

constexpr std::size_t kWorthwhileShare = 8;  // of the window

}  // namespace

std::optional<connectors::ReadRoom> room_to_read(const DeliveryTracker& tracker, const WindowLimits& limits) {
  using connectors::ReadRoom;
  if (tracker.window_events() == 0) {
    const std::size_t events = std::clamp<std::size_t>(limits.bytes / (2 * kReservedPerMessage), 1, limits.events);
    const std::size_t reserved = std::min(limits.bytes, events * kReservedPerMessage);
    return ReadRoom{events, limits.bytes - reserved, ReadRoom::Window::kEmpty};
  }
  // Each event also needs its reserve, so that the window holds after the mapping too.
  const std::size_t bytes = tracker.free_bytes();
  const std::size_t events = std::min(tracker.free_events(), bytes / (2 * kReservedPerMessage));
  if (events == 0 || events < limits.events / kWorthwhileShare / 2) return std::nullopt;
  if (bytes < limits.bytes / kWorthwhileShare) return std::nullopt;
  return ReadRoom{events, bytes - events * kReservedPerMessage, ReadRoom::Window::kInUse};
}

}  // namespace penstock::relay
