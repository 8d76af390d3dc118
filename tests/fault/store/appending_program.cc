// Appends to a Postgres store until it dies, and sweeps what others append by the SQL functions:
//   URL NAME    prints "<event id>" for each event that was acknowledged
#include <iostream>
#include <mutex>
#include <thread>

#include "core/random.h"
#include "store/postgres/postgres_store.h"
#include "tests/support/recording_log.h"

namespace {

using namespace penstock;

constexpr int kWriters = 4, kStreams = 6;

void append_for_ever(store::Store& store, int writer, std::mutex& output) {
  static const SystemClock clock;
  static SystemRandom random;
  for (int i = writer;; i += kWriters) {
    store::AppendRequest request;
    const std::string stream = "shared-" + std::to_string(i % kStreams);
    for (int n = 0; n <= i % 3; ++n)
      request.events.push_back(make_event({.id = make_event_id(clock, random),
                                           .stream = stream,
                                           .category = "shared",
                                           .type = "by_program",
                                           .metadata = writer == 0 ? R"({"tags":["first"]})" : "{}"}));
    const auto events = request.events;
    const auto answer = store.events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(20)));
    if (!answer) continue;
    const std::lock_guard lock(output);
    for (const EventRef& event : events) std::cout << event->id.to_string() << '\n';
    std::cout.flush();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  tests::RecordingLog log;
  store::StoreSettings settings;
  settings.url = Secret(argv[1]);
  settings.inbox = store::StoreSettings::Inbox::kWatched;
  const auto store = store::postgres::make_postgres_store(std::move(settings), argv[2], log).value();
  std::mutex output;
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < kWriters; ++writer)
    writers.emplace_back([&, writer] { append_for_ever(*store, writer, output); });
  writers.clear();
  return 0;
}
