// The next page of the log, read while the route is still busy with the last one and while its
// checkpoint is written. One page at most, on a thread of its own that starts with the first. Only for
// this room.
//
// Threads: all calls come from the one that owns the source.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "store/event_log.h"

namespace penstock::connectors {

class ReadAhead {
 public:
  // `log` and `filter` outlive it.
  ReadAhead(store::EventLog& log, const store::LogFilter& filter) : log_(log), filter_(filter) {}
  // Waits for the read that is being made, which the log bounds.
  ~ReadAhead() = default;
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // Begins to read the events after a position; what was begun before is forgotten.
  void begin(Position after, store::ReadLimit limit);
  bool has_begun() const;
  // Waits for the page, as long as the log takes for it. nullopt when the stop came first: it can be
  // asked for again. Errors are the log's, and core.internal for what it throws.
  std::optional<Result<store::LogPage>> take(std::stop_token stop);
  // The page is not wanted any more.
  void forget();

 private:
  void run(const std::stop_token& stop);
  Result<store::LogPage> read(Position after, store::ReadLimit limit);

  store::EventLog& log_;
  const store::LogFilter& filter_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  enum class Step { kNone, kAsked, kReading, kThere } step_ = Step::kNone;
  std::uint64_t asked_ = 0;  // number of the page that is wanted
  Position after_;
  store::ReadLimit limit_;
  std::optional<Result<store::LogPage>> page_;

  std::jthread thread_;  // ends before the rest
};

}  // namespace penstock::connectors
