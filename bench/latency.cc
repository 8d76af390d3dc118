// Commit → consumer at a steady rate: rows are committed one by one, and each is timed from the return
// of its COMMIT until a consumer of the topic has it in hand. One process, one clock.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#include "bench/child_process.h"
#include "bench/commands.h"
#include "bench/postgres.h"
#include "connectors/kafka/record_reader.h"

namespace penstock::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Load {
  std::string url, table;
  std::int64_t rate, events, keys, writers;
  std::string payload;
};

using Times = std::vector<std::atomic<std::int64_t>>;

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

// Each writer commits its share, every row at its own moment.
void write(const Load& load, std::int64_t writer, Clock::time_point start, Times& committed) {
  const Connection connection = connect(load.url);
  const std::string insert = "INSERT INTO " + load.table +
                             " (id, aggregatetype, aggregateid, type, payload) VALUES"
                             " (gen_random_uuid(), 'order', $1, 'OrderPlaced', $2::jsonb)";
  checked(connection.get(), PQprepare(connection.get(), "put", insert.c_str(), 2, nullptr), PGRES_COMMAND_OK);
  for (std::int64_t i = writer; i < load.events; i += load.writers) {
    std::this_thread::sleep_until(start + std::chrono::nanoseconds(i * 1'000'000'000 / load.rate));
    const std::string key = std::to_string(i % load.keys);
    const std::string payload = "{\"n\":" + std::to_string(i) + ",\"pad\":\"" + load.payload + "\"}";
    const char* values[] = {key.c_str(), payload.c_str()};
    checked(connection.get(), PQexecPrepared(connection.get(), "put", 2, values, nullptr, nullptr, 0),
            PGRES_COMMAND_OK);
    committed[static_cast<std::size_t>(i)].store(now_ns());
  }
}

std::size_t number_of(const kafka::ReadRecord& record) {
  const auto at = record.value->find("\"n\":");
  return std::stoul(record.value->substr(record.value->find_first_of("0123456789", at)));
}

std::int64_t consume(kafka::RecordReader& reader, std::int64_t events, Times& consumed) {
  std::int64_t seen = 0;
  for (auto deadline = Deadline::in(std::chrono::seconds(20)); seen < events && !deadline.expired();) {
    for (const auto& record : reader.read(deadline)) {
      auto& time = consumed[number_of(record)];
      if (time.load() != 0) continue;
      time.store(now_ns());
      ++seen;
      deadline = Deadline::in(std::chrono::seconds(20));
    }
  }
  return seen;
}

double percentile(const std::vector<double>& sorted, double part) {
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

int measure_latency(const Arguments& arguments) {
  Load load{arguments.text("url"),
            arguments.text("table"),
            arguments.number("rate"),
            0,
            arguments.number("keys"),
            arguments.number("writers", 8),
            std::string(static_cast<std::size_t>(arguments.number("payload")), 'x')};
  load.events = load.rate * arguments.number("seconds");
  const auto warm_up = static_cast<std::size_t>(load.rate * arguments.number("warm-up", 3));
  Times committed(static_cast<std::size_t>(load.events)), consumed(static_cast<std::size_t>(load.events));

  auto reader = kafka::RecordReader::open(arguments.text("brokers"), arguments.text("topic"),
                                          Deadline::in(std::chrono::seconds(20)));
  if (!reader) throw std::runtime_error(reader.error().describe());
  ChildProcess child(arguments.command(), arguments.text("log"));
  std::int64_t seen = 0;
  double cpu_seconds = 0;
  {
    std::jthread consumer([&] { seen = consume(**reader, load.events, consumed); });
    const auto start = Clock::now() + std::chrono::seconds(2);
    std::vector<std::jthread> writers;
    for (std::int64_t writer = 0; writer < load.writers; ++writer) {
      writers.emplace_back([&, writer] { write(load, writer, start, committed); });
    }
    std::this_thread::sleep_until(start);
    cpu_seconds = -child.cpu_seconds();
  }
  cpu_seconds += child.cpu_seconds();
  if (seen != load.events) throw std::runtime_error("only " + std::to_string(seen) + " events arrived");

  std::vector<double> milliseconds;
  for (std::size_t i = warm_up; i < committed.size(); ++i) {
    // A consumer can have a row before its writer has the answer to COMMIT.
    milliseconds.push_back(std::max(0.0, static_cast<double>(consumed[i].load() - committed[i].load()) / 1e6));
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  const auto span = static_cast<double>(committed.back().load() - committed[warm_up].load()) / 1e9;
  std::cout << "{\"p50_ms\": " << percentile(milliseconds, 0.5) << ", \"p90_ms\": " << percentile(milliseconds, 0.9)
            << ", \"p99_ms\": " << percentile(milliseconds, 0.99) << ", \"max_ms\": " << milliseconds.back()
            << ", \"cpu_percent\": "
            << 100 * cpu_seconds * static_cast<double>(load.rate) / static_cast<double>(load.events)
            << ", \"rate\": " << static_cast<double>(milliseconds.size()) / span << "}\n";
  return 0;
}

}  // namespace penstock::bench
