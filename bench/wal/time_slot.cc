// How long a command takes to read a slot's backlog: until it ends, or until it has confirmed the backlog's end.
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "bench/child_process.h"
#include "bench/commands.h"
#include "bench/postgres.h"

namespace penstock::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{5};

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

int time_slot(const Arguments& arguments) {
  const Connection connection = connect(arguments.text("url"));
  const std::string until = arguments.text("until"), slot = arguments.text("slot");
  const std::string look =
      "SELECT confirmed_flush_lsn > '" + until + "' FROM pg_replication_slots WHERE slot_name = '" + slot + "'";
  const auto is_confirmed = [&] {
    const ResultSet found = checked(connection.get(), PQexec(connection.get(), look.c_str()), PGRES_TUPLES_OK);
    return PQntuples(found.get()) == 1 && PQgetvalue(found.get(), 0, 0)[0] == 't';
  };
  const auto patience = static_cast<double>(arguments.number("timeout", 300));

  const auto start = Clock::now();
  ChildProcess child(arguments.command(), arguments.text("log"));
  while (!child.ended() && !is_confirmed()) {
    if (since(start) > patience) throw std::runtime_error("the backlog was not read in time");
    std::this_thread::sleep_for(kLook);
  }
  const double all = since(start);
  if (child.failed()) throw std::runtime_error("the command failed: see " + arguments.text("log"));
  const Usage usage = child.end();
  std::cout << "{\"seconds\": " << all << ", \"cpu_seconds\": " << usage.cpu_seconds
            << ", \"max_rss_kb\": " << usage.max_rss_kb << "}\n";
  return 0;
}

}  // namespace penstock::bench
