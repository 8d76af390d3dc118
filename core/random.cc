#include "core/random.h"

#include <array>
#include <limits>
#include <random>

namespace penstock {

std::uint64_t Random::below(std::uint64_t bound) {
  if (bound == 0) return 0;
  // Values beyond the largest multiple of `bound` would favour small results.
  const std::uint64_t usable = std::numeric_limits<std::uint64_t>::max() / bound * bound;
  std::uint64_t value = next();
  while (value >= usable) value = next();
  return value % bound;
}

std::uint64_t SystemRandom::next() {
  thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return engine();
}

EventId make_event_id(const Clock& clock, Random& random) {
  const auto since_epoch = clock.wall_now().time_since_epoch();
  const auto millis = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::milliseconds>(since_epoch).count());
  // RFC 9562 §6.2 method 3: a finer part of the clock in rand_a keeps ids of one process ascending.
  const auto micros = static_cast<std::uint64_t>(since_epoch.count()) % 1'000;
  const std::uint64_t fraction = micros * 4096 / 1000;
  const std::uint64_t noise = random.next();
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(millis >> (40 - 8 * i));
  bytes[6] = static_cast<std::uint8_t>(0x70 | (fraction >> 8));
  bytes[7] = static_cast<std::uint8_t>(fraction);
  for (std::size_t i = 0; i < 8; ++i) bytes[8 + i] = static_cast<std::uint8_t>(noise >> (56 - 8 * i));
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  return EventId(bytes);
}

}  // namespace penstock
