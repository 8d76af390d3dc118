// Randomness, as a thing that is handed in: jitter and ids in production, a printed seed in tests.
#pragma once

#include <cstdint>

#include "core/clock.h"
#include "core/ids.h"

namespace penstock {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  // Uniform in [0, bound); 0 for bound 0.
  std::uint64_t below(std::uint64_t bound);
};

// Seeded once by the operating system.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

// Time-ordered id (version 7): ids made later by one process sort later.
EventId make_event_id(const Clock& clock, Random& random);

}  // namespace penstock
