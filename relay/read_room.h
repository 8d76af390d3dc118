// How much a source may read into the window. Pure.
#pragma once

#include <optional>

#include "relay/delivery_tracker.h"

namespace penstock::relay {

// What a message costs beside the bytes of its event, before it is mapped.
inline constexpr std::size_t kReservedPerMessage = 512;

// nullopt: not worth a round trip, or too much that a filter dropped waits to be settled. A nearly full window is let
// drain first, because reading one event a round trip is slower than not reading.
std::optional<connectors::ReadRoom> room_to_read(const DeliveryTracker& tracker, const WindowLimits& limits);

}  // namespace penstock::relay
