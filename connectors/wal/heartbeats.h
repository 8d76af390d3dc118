// The small messages that a source writes to the log and reads back through its slot. One at a time, and each has a
// content of its own: one that an earlier opening wrote, or somebody else in our name, is not the one that is awaited.
//
// Of one opening. Single-threaded, pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace penstock::wal {

class Heartbeats {
 public:
  // Prefix of the messages.
  static constexpr std::string_view kPrefix = "penstock.heartbeat";

  explicit Heartbeats(std::string slot) : slot_(std::move(slot)) {}

  // The content of the next one, which is about to be written.
  const std::string& next(SteadyTime now, Timestamp wall_now);
  // One was read.
  void came(std::string_view content, SteadyTime now);

  bool is_under_way() const { return written_at_.has_value(); }
  // How long the last one took, or has been under way if that is longer; nullopt: none was written.
  std::optional<Duration> took(SteadyTime now) const;

 private:
  const std::string slot_;
  std::string awaited_;
  std::optional<SteadyTime> written_at_;  // of the one under way
  std::optional<Duration> took_;
};

}  // namespace penstock::wal
