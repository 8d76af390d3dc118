#include "connectors/wal/heartbeats.h"

#include <algorithm>

namespace penstock::wal {

const std::string& Heartbeats::next(SteadyTime now, Timestamp wall_now) {
  awaited_ = slot_ + " " + std::to_string(wall_now.time_since_epoch().count());
  written_at_ = now;
  return awaited_;
}

void Heartbeats::came(std::string_view content, SteadyTime now) {
  if (!written_at_ || content != awaited_) return;
  took_ = now - *written_at_;
  written_at_.reset();
}

std::optional<Duration> Heartbeats::took(SteadyTime now) const {
  if (!written_at_) return took_;
  return std::max(took_.value_or(Duration::zero()), now - *written_at_);
}

}  // namespace penstock::wal
