// CPU time of a process of this machine, and of all of it, out of /proc.
#pragma once

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace penstock::bench {

// So far, in seconds; `process` is its number, or "self". In steps of the kernel's tick (10 ms).
inline double cpu_seconds_of(const std::string& process) {
  std::ifstream file("/proc/" + process + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  double user = 0, system = 0;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Of all processors together, in ticks.
struct MachineTime {
  double idle = 0, all = 0;
};

inline MachineTime machine_time() {
  std::ifstream file("/proc/stat");
  std::string name;
  file >> name;
  MachineTime time;
  // user, nice, system, idle, waiting for a disk, interrupts twice, stolen by the host
  for (int i = 0; i < 8; ++i) {
    double ticks = 0;
    file >> ticks;
    time.all += ticks;
    if (i == 3 || i == 4) time.idle += ticks;
  }
  return time;
}

// From 0 to 1.
inline double busy_share(const MachineTime& before, const MachineTime& after) {
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

}  // namespace penstock::bench
