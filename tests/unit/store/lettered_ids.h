// Event ids that are named by one letter, so that a test reads like its sequence of events.
#pragma once

#include <array>
#include <cstdint>

#include "core/event.h"

namespace penstock::store {

inline EventId id_of(char letter) {
  std::array<std::uint8_t, 16> bytes{};
  bytes.back() = static_cast<std::uint8_t>(letter);
  return EventId(bytes);
}

}  // namespace penstock::store
