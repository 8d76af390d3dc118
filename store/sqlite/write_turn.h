// First come, first served: who may use the one connection that writes. A mutex would let the
// sequencer of a busy store take it again and again before a lease is renewed.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>

#include "core/clock.h"

namespace penstock::store::sqlite {

class WriteTurn {
 public:
  // False when the deadline passed first. Who got true calls leave().
  bool enter(Deadline deadline);
  void leave();

  // How many wait now.
  std::size_t waiting() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ticket_ = 0;
  std::set<std::uint64_t> queue_;
  bool taken_ = false;
};

}  // namespace penstock::store::sqlite
