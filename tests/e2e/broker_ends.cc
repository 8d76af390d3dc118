#include "tests/e2e/broker_ends.h"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace penstock::tests {

void BrokerEnd::mark_epoch() {
  // What the ended relay had already handed to the system may still be on its way into the log.
  const auto give_up_at = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  Lengths before = lengths();
  for (int still = 0; still < 2;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    if (std::chrono::steady_clock::now() > give_up_at) throw std::runtime_error("something still publishes");
    Lengths now = lengths();
    still = now == before ? still + 1 : 0;
    before = std::move(now);
  }
  marks_.push_back(std::move(before));
}

std::size_t BrokerEnd::epoch_of(std::size_t part, std::int64_t offset) const {
  std::size_t epoch = 0;
  while (epoch < marks_.size() && offset >= marks_[epoch][part]) ++epoch;
  return epoch;
}

}  // namespace penstock::tests
