// The store itself, through its contract: appends of one or many callers, reads, and the appends of
// services by SQL while this process gives them their positions.
#include <condition_variable>
#include <deque>
#include <iostream>
#include <stop_token>
#include <thread>

#include "bench/commands.h"
#include "bench/postgres.h"
#include "bench/store/load.h"
#include "bench/store/open_store.h"

namespace penstock::bench {
namespace {

// As a caller over the network would hand it over: bytes of its own for every event.
store::AppendRequest request_of(const AppendLoad& load, std::int64_t number) {
  EventBatchBuilder builder;
  const std::int64_t events = std::min(load.batch, load.events - number * load.batch);
  builder.reserve(static_cast<std::size_t>(events));
  const std::string_view stream = builder.keep(load.stream_of(number));
  for (std::int64_t i = 0; i < events; ++i) {
    Event event;
    event.id = next_id();
    event.stream = stream;
    event.category = kCategory;
    event.type = kType;
    event.data = builder.keep(load.payload);
    builder.add(event);
  }
  const auto batch = std::move(builder).finish();
  store::AppendRequest request;
  for (std::size_t i = 0; i < batch->size(); ++i) request.events.push_back(EventBatch::ref(batch, i));
  return request;
}

// Callers that each wait for their answer before they ask again, driven by one thread.
class Callers {
 public:
  explicit Callers(std::size_t count) : free_(count) {}

  void wait_for_one() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return free_ > 0; });
    --free_;
    throw_if_failed();
  }
  void wait_for_all(std::size_t count) {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return free_ == count; });
    throw_if_failed();
  }
  void answered(const Result<store::AppendReceipt>& answer) {
    // Told under the lock: afterwards this may be gone.
    const std::lock_guard lock(mutex_);
    ++free_;
    if (!answer) failure_ = answer.error().describe();
    freed_.notify_one();
  }

 private:
  void throw_if_failed() const {
    if (!failure_.empty()) throw std::runtime_error(failure_);
  }

  std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t free_;
  std::string failure_;
};

}  // namespace

int append_to_store(const Arguments& arguments) {
  const AppendLoad load(arguments);
  StandardErrorLog log;
  Callers callers(load.clients);
  const auto store = open_store(arguments, log);
  if (const auto there = store->log().head(); !there) throw std::runtime_error(there.error().describe());
  Stopwatch watch;
  for (std::int64_t number = 0; number < load.requests(); ++number) {
    callers.wait_for_one();
    const auto asked = Stopwatch::Clock::now();
    store->events().append(request_of(load, number), Deadline::in(std::chrono::seconds(60)), [&, asked](auto answer) {
      watch.answered(asked);
      callers.answered(answer);
    });
  }
  callers.wait_for_all(load.clients);
  watch.print(load.events);
  return 0;
}

int read_from_store(const Arguments& arguments) {
  StandardErrorLog log;
  const auto store = open_store(arguments, log);
  const auto head = store->log().head();
  if (!head) throw std::runtime_error(head.error().describe());
  Stopwatch watch;
  std::int64_t events = 0;
  for (Position at{0}; at < *head;) {
    const auto page = store->log().read_after(at, {.events = 2'000, .bytes = 4 << 20}, {});
    if (!page) throw std::runtime_error(page.error().describe());
    events += static_cast<std::int64_t>(page->events->size());
    at = page->reached;
  }
  watch.print(events);
  return 0;
}

int append_by_sql(const Arguments& arguments) {
  const AppendLoad load(arguments);
  StandardErrorLog log;
  const auto store = open_store(arguments, log, {.inbox = store::StoreSettings::Inbox::kWatched});
  const auto before = store->log().head();
  if (!before) throw std::runtime_error(before.error().describe());
  const Position wanted{before->value + load.events};
  Stopwatch watch;
  std::jthread follower([&](const std::stop_token& stop) {
    for (Position at = *before; at < wanted && !stop.stop_requested();) {
      const auto head = store->log().wait_beyond(at, Deadline::in(std::chrono::seconds(1)), stop);
      if (!head) throw std::runtime_error(head.error().describe());
      at = *head;
    }
  });
  insert_from_many_clients(arguments.text("url"), "SELECT penstock.append($1, 'OrderPlaced', $2::bytea, -2, $3::uuid)",
                           load, watch);
  const auto written = Stopwatch::Clock::now();
  follower.join();
  const std::chrono::duration<double> behind = Stopwatch::Clock::now() - written;
  watch.print(load.events, ", \"behind_seconds\": " + std::to_string(behind.count()));
  return 0;
}

}  // namespace penstock::bench
