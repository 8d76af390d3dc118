// What every writer of the store's measurements writes, ours and bare ones: the same rows, ids in the
// order of time, and how their figures are printed.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "bench/arguments.h"
#include "core/event.h"
#include "core/random.h"

namespace penstock::bench {

struct AppendLoad {
  explicit AppendLoad(const Arguments& arguments);

  std::int64_t events, batch, keys;
  std::size_t clients;
  std::string payload;

  std::string stream_of(std::int64_t request) const;
  std::int64_t requests() const { return (events + batch - 1) / batch; }
};

inline constexpr const char* kCategory = "order";
inline constexpr const char* kType = "OrderPlaced";
inline constexpr const char* kContentType = "application/json";

// Any thread.
EventId next_id();

// Counts answers from any thread.
class Stopwatch {
 public:
  using Clock = std::chrono::steady_clock;

  void answered(Clock::time_point asked);
  // {"events", "seconds", "cpu_seconds", "p50_ms", "p99_ms"}; seconds until now. `more` goes in behind.
  void print(std::int64_t events, const std::string& more = "");

 private:
  const Clock::time_point start_ = Clock::now();
  std::mutex mutex_;
  std::vector<double> milliseconds_;
};

// `sql` takes a stream, data and an id; each of the load's clients has a connection and waits for each answer.
void insert_from_many_clients(const std::string& url, const std::string& sql, const AppendLoad& load, Stopwatch& watch);

}  // namespace penstock::bench
