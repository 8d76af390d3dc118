#include "connectors/outbox/poll_pace.h"

#include <algorithm>

namespace penstock::outbox {

PollPace::PollPace(std::chrono::milliseconds shortest, std::chrono::milliseconds longest)
    : shortest_(shortest), longest_(longest), pause_(longest) {}

Duration PollPace::after_rows(SteadyTime now) {
  last_rows_ = now;
  pause_ = shortest_;
  return shortest_;
}

Duration PollPace::after_nothing(SteadyTime now, Duration took) {
  if (now - last_rows_ >= kStaysBusy) pause_ = std::min(pause_ * 2, longest_);
  return std::max(pause_, took * kRestPerScan);
}

}  // namespace penstock::outbox
