#include "bench/store/load.h"

#include <sys/resource.h>

#include <algorithm>
#include <iostream>

namespace penstock::bench {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double percentile(const std::vector<double>& sorted, double part) {
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

AppendLoad::AppendLoad(const Arguments& arguments)
    : events(arguments.number("events")),
      batch(arguments.number("batch", 1)),
      keys(arguments.number("keys", 1'000)),
      clients(static_cast<std::size_t>(arguments.number("clients", 1))),
      payload(R"({"pad":")" + std::string(static_cast<std::size_t>(arguments.number("payload", 330)) - 10, 'x') +
              "\"}") {}

std::string AppendLoad::stream_of(std::int64_t request) const { return "order-" + std::to_string(request % keys); }

EventId next_id() {
  static SystemRandom random;
  static const SystemClock clock;
  return make_event_id(clock, random);
}

void Stopwatch::answered(Clock::time_point asked) {
  const std::chrono::duration<double, std::milli> took = Clock::now() - asked;
  const std::lock_guard lock(mutex_);
  milliseconds_.push_back(took.count());
}

void Stopwatch::print(std::int64_t events, const std::string& more) {
  const std::chrono::duration<double> seconds = Clock::now() - start_;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << "{\"events\": " << events << ", \"seconds\": " << seconds.count()
            << ", \"cpu_seconds\": " << seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)
            << ", \"max_rss_kb\": " << usage.ru_maxrss;
  const std::lock_guard lock(mutex_);
  if (!milliseconds_.empty()) {
    std::sort(milliseconds_.begin(), milliseconds_.end());
    std::cout << ", \"p50_ms\": " << percentile(milliseconds_, 0.5)
              << ", \"p99_ms\": " << percentile(milliseconds_, 0.99);
  }
  std::cout << more << "}\n";
}

}  // namespace penstock::bench
