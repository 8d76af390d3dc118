// How far routes that have much to do have come, as one line for a terminal. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/clock.h"
#include "store/route_states.h"

namespace penstock::cli {

class CatchUp {
 public:
  // To be called about once a second. "store-to-kafka: 84,200 left, 12,400/s, 7 s"; several routes are separated by |.
  // A source that can't tell how much it has left shows its rate alone. Empty when no route has much to do.
  std::string observe(const std::vector<store::RouteState>& states, SteadyTime now);

 private:
  struct Pace {
    std::uint64_t done = 0;
    SteadyTime at{};
    double per_second = 0;
  };
  void measure(Pace& pace, std::uint64_t done, SteadyTime now);

  std::map<std::string, Pace, std::less<>> routes_;
};

}  // namespace penstock::cli
