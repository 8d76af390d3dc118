#include "connectors/outbox/poll_pace.h"

#include <algorithm>

namespace penstock::outbox {

PollPace::PollPace(std::chrono::milliseconds shortest, std::chrono::milliseconds longest)
    : shortest_(shortest), longest_(longest), pause_(longest) {}

void PollPace::hurry(SteadyTime now) {
  last_sign_ = now;
  pause_ = shortest_;
}

Duration PollPace::after_rows(SteadyTime now) {
  hurry(now);
  return shortest_;
}

Duration PollPace::after_nothing(SteadyTime now, Duration took) {
  if (now - last_sign_ >= kStaysBusy) pause_ = std::min(pause_ * 2, longest_);
  return std::max(pause_, took * kRestPerScan);
}

Duration PollPace::after_nothing_taken(Duration took) const {
  return std::max(std::min<Duration>(pause_, kLongestWithRows), took * kRestPerScan);
}

}  // namespace penstock::outbox
