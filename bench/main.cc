#include <cstring>
#include <exception>
#include <iostream>

#include "bench/commands.h"

namespace {

struct Command {
  const char* name;
  int (*run)(const penstock::bench::Arguments&);
};

constexpr Command kCommands[] = {
    {"bare-client", penstock::bench::run_bare_client},
    {"bare-store", penstock::bench::run_bare_store},
    {"bare-outbox", penstock::bench::run_bare_outbox},
    {"time", penstock::bench::time_command},
    {"latency", penstock::bench::measure_latency},
    {"make-topic", penstock::bench::make_topic},
    {"store-append", penstock::bench::append_to_store},
    {"store-read", penstock::bench::read_from_store},
    {"sql-append", penstock::bench::append_by_sql},
    {"wake-up", penstock::bench::measure_wake_up},
    {"bare-copy", penstock::bench::copy_into_bare_table},
    {"bare-insert", penstock::bench::insert_into_bare_table},
    {"bare-locked", penstock::bench::insert_under_one_lock},
    {"bare-read", penstock::bench::copy_out_of_store},
    {"bare-sqlite", penstock::bench::insert_into_bare_file},
    {"bare-wal", penstock::bench::run_bare_wal},
    {"wal-read", penstock::bench::read_from_wal},
    {"time-slot", penstock::bench::time_slot},
};

}  // namespace

int main(int count, char** words) {
  try {
    for (const Command& command : kCommands) {
      if (count > 1 && std::strcmp(words[1], command.name) == 0) {
        return command.run(penstock::bench::Arguments(count - 2, words + 2));
      }
    }
    std::cerr << "usage: penstock-bench COMMAND --NAME VALUE …, with a command out of:";
    for (const Command& command : kCommands) std::cerr << ' ' << command.name;
    std::cerr << '\n';
    return 64;
  } catch (const std::exception& error) {
    std::cerr << "penstock-bench: " << error.what() << '\n';
    return 1;
  }
}
