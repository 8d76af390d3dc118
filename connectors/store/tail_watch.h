// What a route handed out of the store, or had acknowledged by it, compared with a log that was promoted or
// restored. What is gone becomes a gap record.
//
// open() of a source or sink compares; so does a thread of its own as soon as the log is another one, also
// while the route is closed: after a failover the lease often goes to another instance, and only the one
// that sent the events can name them. For a while it looks for what that other one has recorded, too.
//
// Threads: any.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "connectors/on_lost_tail.h"
#include "core/log.h"
#include "store/event_log.h"
#include "store/event_tail.h"
#include "store/gaps.h"

namespace penstock::connectors {

class TailWatch {
 public:
  // `log`, `gaps` and `words` outlive it.
  TailWatch(std::string route, OnLostTail on_lost_tail, store::EventLog& log, store::Gaps& gaps, Log& words);

  void add(Position position, const EventId& id);

  // For an opening: compares, and answers the generation of the log that it was compared with. Errors:
  // relay.lost_tail, or store.removed after a drop, while a gap of the route waits for an operator; those of the store.
  Result<std::uint64_t> compare();
  // Error: relay.log_changed when the log is not of this generation any more, or a gap was found since, by
  // this program or another: what was opened has to be opened again.
  Status check(std::uint64_t generation) const;

 private:
  Status record_lost();
  Status check_no_open_gap();
  void run(const std::stop_token& stop);
  void look(SteadyTime now);

  const std::string route_;
  const OnLostTail on_lost_tail_;
  store::EventLog& log_;
  store::Gaps& gaps_;
  Log& words_;

  std::mutex comparing_;  // one comparison at a time; taken before mutex_
  std::mutex mutex_;      // guards the next one, not held during a call to the store
  store::EventTail tail_;

  std::atomic<bool> has_open_gap_ = false;

  // The thread only.
  std::uint64_t compared_ = 0;
  SteadyTime look_for_gaps_until_{};
  std::jthread thread_;
};

}  // namespace penstock::connectors
