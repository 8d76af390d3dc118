// CPU time of a process of this machine, out of /proc.
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

}  // namespace penstock::bench
