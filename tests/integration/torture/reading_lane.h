// One source that is read and settled as a route does it, in a thread of its own, while its table is written: in pieces
// of random size, settled late, closed and opened again, and robbed of its sessions by others.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "connectors/source.h"
#include "tests/integration/torture/late_writers.h"
#include "tests/support/seeded_random.h"

namespace penstock::tests {

class ReadingLane {
 public:
  // `make` is called in the constructor. The source's name is the table's.
  ReadingLane(LateTable table, const std::function<std::unique_ptr<connectors::Source>()>& make, std::uint64_t seed);

  const LateTable& table() const { return table_; }

  // So many different events will come, and no more; whatever of them is missing at the deadline is given up.
  void finish(std::size_t events, Deadline deadline);

  // The rest is valid after it. In the order of arrival; an epoch is an opening.
  const std::vector<ArrivedEvent>& arrived() const { return arrived_; }
  std::size_t openings() const { return opening_; }
  std::size_t lost_sessions() const { return lost_sessions_; }
  // What no source may do; a line for people each.
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  void run(const std::stop_token& stop);
  bool done() const;
  bool open();
  void end_opening();
  void take(const connectors::ReadBatch& batch);
  void settle();
  void lose_session(const char* call, const Error& error);
  void blame(std::string what);

  const LateTable table_;
  std::unique_ptr<connectors::Source> source_;
  SeededRandom random_;
  std::atomic<std::size_t> expected_ = SIZE_MAX;
  std::atomic<SteadyTime> give_up_at_ = SteadyTime::max();

  // Of the thread.
  enum class State { kClosed, kOpen } state_ = State::kClosed;
  std::size_t opening_ = 0, lost_sessions_ = 0;
  bool was_empty_ = false;             // the last read, with everything settled
  std::uint64_t settled_mark_ = 0;     // of the opening
  std::deque<std::string> unsettled_;  // ids of the opening, in the order of its marks
  std::set<std::string> seen_, settled_, in_opening_;
  std::vector<ArrivedEvent> arrived_;
  std::vector<std::string> faults_;
  std::jthread thread_;
};

}  // namespace penstock::tests
