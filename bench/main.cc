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
    {"bare-client", penstock::bench::run_bare_client}, {"bare-store", penstock::bench::run_bare_store},
    {"bare-outbox", penstock::bench::run_bare_outbox}, {"time", penstock::bench::time_command},
    {"latency", penstock::bench::measure_latency},     {"make-topic", penstock::bench::make_topic},
};

}  // namespace

int main(int count, char** words) {
  try {
    for (const Command& command : kCommands) {
      if (count > 1 && std::strcmp(words[1], command.name) == 0) {
        return command.run(penstock::bench::Arguments(count - 2, words + 2));
      }
    }
    std::cerr << "usage: penstock-bench bare-client|bare-store|bare-outbox|time|latency|make-topic --NAME VALUE …\n";
    return 64;
  } catch (const std::exception& error) {
    std::cerr << "penstock-bench: " << error.what() << '\n';
    return 1;
  }
}
