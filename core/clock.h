// Time, as a thing that is handed in. Two clocks that are never mixed: the wall clock dates events,
// the steady clock measures waits (deadlines, back-off, leases) and does not jump.
#pragma once

#include <chrono>
#include <string>

namespace penstock {

using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;  // UTC
using SteadyTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

// Thread-safe. The system clock lives for the whole program; tests have ManualClock.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp wall_now() const = 0;
  virtual SteadyTime now() const = 0;
};

// The clock of the operating system.
class SystemClock final : public Clock {
 public:
  Timestamp wall_now() const override;
  SteadyTime now() const override;
};

// A point on the real steady clock until which a blocking call may wait. Calls that block on
// sockets or locks take one; pure code takes a Clock.
class Deadline {
 public:
  static Deadline in(Duration wait) { return Deadline(std::chrono::steady_clock::now() + wait); }
  static Deadline at(SteadyTime time) { return Deadline(time); }

  SteadyTime time() const { return time_; }
  bool expired() const { return std::chrono::steady_clock::now() >= time_; }
  // Never negative.
  std::chrono::milliseconds remaining() const;

 private:
  explicit Deadline(SteadyTime time) : time_(time) {}
  SteadyTime time_;
};

// RFC 3339 in UTC with six fraction digits and `Z`: 2026-02-03T04:05:06.000007Z.
inline constexpr std::size_t kTimestampTextLength = 27;
std::string format_timestamp(Timestamp time);
// Writes exactly kTimestampTextLength characters for years 0000 to 9999, no terminator.
void write_timestamp(Timestamp time, char* out);

}  // namespace penstock
