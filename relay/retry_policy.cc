#include "relay/retry_policy.h"

#include <algorithm>

namespace penstock::relay {

Duration RetryPolicy::delay_after(std::uint32_t failures) const {
  const std::uint32_t doublings = std::min<std::uint32_t>(failures == 0 ? 0 : failures - 1, 20);
  const std::chrono::microseconds longest = settings_.max;
  const std::chrono::microseconds bound = std::min<std::chrono::microseconds>(
      std::chrono::microseconds(settings_.min) * (std::int64_t{1} << doublings), longest);
  return std::chrono::microseconds(random_.below(static_cast<std::uint64_t>(bound.count()) + 1));
}

}  // namespace penstock::relay
