// How long to wait between polls: short while rows arrive, longer and longer when idle, and never so
// often that a scan which has become slow keeps the database busy. Pure.
#pragma once

#include <chrono>

#include "core/clock.h"

namespace penstock::outbox {

class PollPace {
 public:
  PollPace(std::chrono::milliseconds shortest, std::chrono::milliseconds longest);

  // Something was announced, which may come into sight a little later.
  void hurry(SteadyTime now);

  // How long to rest after a poll that ended at `now` and found rows, or found none and took `took`, or found some that
  // there was no room for.
  Duration after_rows(SteadyTime now);
  Duration after_nothing(SteadyTime now, Duration took);
  Duration after_nothing_taken(Duration took) const;
  // However much is announced.
  static Duration after_scan(Duration took) { return took < kQuickScan ? Duration::zero() : took * kRestPerScan; }

 private:
  // Rows often come in bursts, so the shortest pause is kept for a while after the last one.
  static constexpr std::chrono::milliseconds kStaysBusy{500};
  // However seldom an idle table is to be polled.
  static constexpr std::chrono::milliseconds kLongestWithRows{250};
  static constexpr std::chrono::milliseconds kQuickScan{50};
  // At most a quarter of the time is spent in scans that find nothing.
  static constexpr int kRestPerScan = 3;

  const Duration shortest_, longest_;
  SteadyTime last_sign_{};  // of rows
  Duration pause_;
};

}  // namespace penstock::outbox
