#include "relay/care_turn.h"

#include <algorithm>

namespace penstock::relay {

bool CareTurn::take(const void* who) {
  std::lock_guard lock(mutex_);
  if (std::ranges::find(queue_, who) == queue_.end()) queue_.push_back(who);
  return queue_.front() == who;
}

void CareTurn::give_back(const void* who) {
  std::lock_guard lock(mutex_);
  std::erase(queue_, who);
}

}  // namespace penstock::relay
