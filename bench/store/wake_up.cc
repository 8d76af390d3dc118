// How soon what a service appends by SQL has its position while the store is idle, and what the watch
// for it costs while nothing happens.
#include <iostream>
#include <sstream>
#include <stop_token>
#include <thread>

#include "bench/commands.h"
#include "bench/cpu_time.h"
#include "bench/postgres.h"
#include "bench/store/load.h"
#include "bench/store/open_store.h"

namespace penstock::bench {
namespace {

std::string value_of(PGconn* connection, const std::string& sql) {
  const ResultSet found = checked(connection, PQexec(connection, sql.c_str()), PGRES_TUPLES_OK);
  return PQntuples(found.get()) == 0 ? "" : PQgetvalue(found.get(), 0, 0);
}

// Of everything that belongs to this program: itself and its sessions at the server.
struct Cost {
  double cpu_seconds = 0;
  std::int64_t transactions = 0;
};

Cost cost_so_far(PGconn* connection) {
  Cost cost{.cpu_seconds = cpu_seconds_of("self"),
            .transactions = std::stoll(
                value_of(connection, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"))};
  std::istringstream sessions(value_of(connection,
                                       "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity"
                                       " WHERE datname = current_database() AND pid <> pg_backend_pid()"));
  for (std::string process; sessions >> process;) cost.cpu_seconds += cpu_seconds_of(process);
  return cost;
}

}  // namespace

int measure_wake_up(const Arguments& arguments) {
  const AppendLoad load(arguments);
  const auto idle = std::chrono::seconds(arguments.number("idle-seconds"));
  StandardErrorLog log;
  const auto store = open_store(arguments, log, {.inbox = store::StoreSettings::Inbox::kWatched});
  const auto before = store->log().head();
  if (!before) throw std::runtime_error(before.error().describe());
  const Connection service = connect(arguments.text("url"));

  // As a route does: it waits for the head all the time.
  std::jthread follower([&](const std::stop_token& stop) {
    for (Position at = *before; !stop.stop_requested();) {
      const auto head = store->log().wait_beyond(at, Deadline::in(std::chrono::seconds(1)), stop);
      if (head) at = *head;
    }
  });
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const Cost start = cost_so_far(service.get());
  std::this_thread::sleep_for(idle);
  const Cost end = cost_so_far(service.get());

  Stopwatch watch;
  Position at = *before;
  for (std::int64_t number = 0; number < load.events; ++number) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 7 * (number % 9)));
    value_of(service.get(), "SELECT penstock.append('" + load.stream_of(number) + "', 'OrderPlaced', '{}'::jsonb)");
    const auto committed = Stopwatch::Clock::now();
    const auto head = store->log().wait_beyond(at, Deadline::in(std::chrono::seconds(10)), {});
    if (!head || *head == at) throw std::runtime_error("an append got no position");
    at = *head;
    watch.answered(committed);
  }
  std::ostringstream more;
  const double seconds = std::chrono::duration<double>(idle).count();
  more << ", \"idle_cpu_percent\": " << 100 * (end.cpu_seconds - start.cpu_seconds) / seconds
       << ", \"idle_transactions_per_second\": "
       << static_cast<double>(end.transactions - start.transactions) / seconds;
  watch.print(load.events, more.str());
  return 0;
}

}  // namespace penstock::bench
