// Written → seen at a steady rate: events are written one by one, each at its moment, and timed from the return of
// its write until the other end has it in hand. One process, one clock. Beside it what the writing itself took, and
// how busy the machine was: where it is full, everybody waits for a turn.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "bench/child_process.h"
#include "bench/commands.h"
#include "bench/cpu_time.h"
#include "bench/latency_ends.h"

namespace penstock::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Load {
  std::size_t rate, events, warm_up, keys, writers;
  std::string pad;
};

struct Times {
  std::atomic<std::int64_t> begun, written, seen;
};

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

// Each writer has its share, every event its own moment.
void write(const Load& load, std::size_t first, Clock::time_point start, Writer& writer, std::vector<Times>& times) {
  for (std::size_t i = first; i < load.events; i += load.writers) {
    std::this_thread::sleep_until(start + std::chrono::nanoseconds(i * 1'000'000'000 / load.rate));
    times[i].begun.store(now_ns());
    writer.write(std::to_string(i % load.keys), numbered_payload(i, load.pad));
    times[i].written.store(now_ns());
  }
}

void watch(Arrivals& arrivals, std::vector<Times>& times) {
  for (std::size_t seen = 0; seen < times.size();) {
    for (const std::size_t number : arrivals.next()) {
      auto& time = times.at(number).seen;
      if (time.load() != 0) continue;
      time.store(now_ns());
      ++seen;
    }
  }
}

// Of the numbers in any order, which it sorts.
class Spread {
 public:
  explicit Spread(std::vector<double> numbers) : sorted_(std::move(numbers)) { std::ranges::sort(sorted_); }
  double at(double part) const {
    return sorted_[static_cast<std::size_t>(part * static_cast<double>(sorted_.size() - 1))];
  }

 private:
  std::vector<double> sorted_;
};

double milliseconds(std::int64_t from, std::int64_t to) { return static_cast<double>(to - from) / 1e6; }

void print(const Load& load, const std::vector<Times>& times) {
  std::vector<double> until_seen, writing;
  for (std::size_t i = load.warm_up; i < times.size(); ++i) {
    // The other end can have an event before its writer has its answer.
    until_seen.push_back(std::max(0.0, milliseconds(times[i].written, times[i].seen)));
    writing.push_back(milliseconds(times[i].begun, times[i].written));
  }
  const Spread latency(std::move(until_seen)), write(std::move(writing));
  const double span = milliseconds(times[load.warm_up].written, times.back().written) / 1e3;
  std::cout << "\"p50_ms\": " << latency.at(0.5) << ", \"p90_ms\": " << latency.at(0.9)
            << ", \"p99_ms\": " << latency.at(0.99) << ", \"max_ms\": " << latency.at(1)
            << ", \"write_p50_ms\": " << write.at(0.5) << ", \"write_p99_ms\": " << write.at(0.99)
            << ", \"rate\": " << static_cast<double>(times.size() - load.warm_up) / span;
}

}  // namespace

int measure_latency(const Arguments& arguments) {
  const auto number = [&](const std::string& name, std::int64_t otherwise) {
    return static_cast<std::size_t>(arguments.number(name, otherwise));
  };
  Load load{.rate = number("rate", 1'000),
            .events = 0,
            .warm_up = 0,
            .keys = number("keys", 1'000),
            .writers = number("writers", 8),
            .pad = std::string(number("payload", 330), 'x')};
  load.events = load.rate * number("seconds", 20);
  load.warm_up = load.rate * number("warm-up", 3);
  std::vector<Times> times(load.events);

  const auto arrivals = make_arrivals(arguments);
  std::vector<std::unique_ptr<Writer>> ends;
  while (ends.size() < load.writers) ends.push_back(make_writer(arguments));
  std::optional<ChildProcess> child;
  if (!arguments.command().empty()) child.emplace(arguments.command(), arguments.text("log"));

  const auto start = Clock::now() + std::chrono::seconds(2);
  MachineTime before;
  double child_before = 0;
  {
    std::vector<std::jthread> writers;
    for (std::size_t i = 0; i < load.writers; ++i)
      writers.emplace_back([&, i] { write(load, i, start, *ends[i], times); });
    std::jthread meter([&] {
      std::this_thread::sleep_until(start);
      before = machine_time();
      if (child) child_before = child->cpu_seconds();
    });
    watch(*arrivals, times);
  }
  const double busy = busy_share(before, machine_time());

  std::cout << '{';
  print(load, times);
  std::cout << ", \"busy_percent\": " << 100 * busy;
  if (child)
    std::cout << ", \"cpu_percent\": "
              << 100 * (child->cpu_seconds() - child_before) * static_cast<double>(load.rate) /
                     static_cast<double>(load.events);
  std::cout << "}\n";
  return 0;
}

}  // namespace penstock::bench
