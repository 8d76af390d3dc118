#include <chrono>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <thread>

#include "bench/child_process.h"
#include "bench/commands.h"
#include "bench/topic_watch.h"
#include "tests/support/kafka_topics.h"

namespace penstock::bench {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

int time_command(const Arguments& arguments) {
  const auto wanted = arguments.number("events");
  const auto look_every = std::chrono::milliseconds(arguments.number("look-ms", 20));
  const auto patience = static_cast<double>(arguments.number("timeout", 600));
  TopicWatch watch(arguments.text("brokers"), arguments.text("topic"));
  if (watch.records() != 0) throw std::runtime_error("the topic is not empty");

  const auto start = Clock::now();
  ChildProcess child(arguments.command(), arguments.text("log"));
  std::optional<double> first;
  for (std::int64_t records; (records = watch.records()) < wanted;) {
    if (records > 0 && !first) first = since(start);
    if (child.failed()) throw std::runtime_error("the command failed: see " + arguments.text("log"));
    if (since(start) > patience) throw std::runtime_error("only " + std::to_string(records) + " records in time");
    std::this_thread::sleep_for(look_every);
  }
  const double all = since(start);
  const Usage usage = child.end();
  std::cout << "{\"seconds\": " << all << ", \"first_seconds\": " << first.value_or(all)
            << ", \"cpu_seconds\": " << usage.cpu_seconds << ", \"max_rss_kb\": " << usage.max_rss_kb
            << ", \"records\": " << watch.records() << "}\n";
  return 0;
}

int make_topic(const Arguments& arguments) {
  tests::create_topic(arguments.text("brokers"), arguments.text("topic"),
                      static_cast<int>(arguments.number("partitions")));
  return 0;
}

}  // namespace penstock::bench
