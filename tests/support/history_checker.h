// Judges a run by what was committed and what arrived.
//
//   no loss      every committed event arrived (or is known to be parked)
//   no ghosts    nothing arrived that was not committed
//   same bytes   each arrival has the key and the bytes of its commit
//   order        per key, no arrival jumps ahead of an event that has not arrived yet; steps back are replays
//   duplicates   counted per epoch: the time from one start of the relay to the next
//   checkpoint   at the end of an epoch, everything up to the stored checkpoint had arrived
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace penstock::tests {

struct CommittedEvent {
  std::string id, key, payload;
};

struct ArrivedEvent {
  std::string id, key, payload;
  std::int64_t position = 0;  // in the store
  std::size_t epoch = 0;      // ascending
};

struct History {
  std::vector<CommittedEvent> committed;            // of each key in the order of its commits
  std::vector<ArrivedEvent> arrived;                // of each key in the order of arrival; epochs ascend
  std::set<std::string> parked;                     // ids
  std::map<std::size_t, std::int64_t> checkpoints;  // epoch → checkpoint stored at its end
};

struct Judgement {
  std::size_t committed = 0, delivered = 0;
  std::vector<std::string> lost, ghosts, altered, jumped;  // a line for people each
  std::vector<std::string> checkpoint_faults;
  std::map<std::size_t, std::size_t> duplicates;  // by epoch; epochs without any are left out

  std::size_t all_duplicates() const;
  std::size_t most_duplicates_in_an_epoch() const;
  bool promise_held() const {
    return lost.empty() && ghosts.empty() && altered.empty() && jumped.empty() && checkpoint_faults.empty();
  }
  // Counts, and the first of each kind of violation.
  std::string describe() const;
};

Judgement judge(const History& history);

}  // namespace penstock::tests
