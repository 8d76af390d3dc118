// A command that runs beside the measurement; ended when this object goes.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "bench/cpu_time.h"

namespace penstock::bench {

struct Usage {
  double cpu_seconds = 0;
  long max_rss_kb = 0;
};

class ChildProcess {
 public:
  // Standard output and error go to `log_file`. Throws std::runtime_error.
  ChildProcess(const std::vector<std::string>& command, const std::string& log_file);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // So far, while it runs.
  double cpu_seconds() const { return cpu_seconds_of(std::to_string(pid_)); }
  bool ended();
  // Whether it ended with an error; an orderly end is none.
  bool failed();
  // SIGTERM, then SIGKILL after ten seconds, unless it has ended already.
  Usage end();

 private:
  enum class Wait { kNot, kForIt };
  void look(Wait wait);

  pid_t pid_ = -1;
  bool running_ = true, failed_ = false;
  Usage usage_;
};

}  // namespace penstock::bench
