// What the operating system knows of this process. What can't be read is empty.
#pragma once

#include <optional>

namespace penstock::api {

struct ProcessFigures {
  std::optional<double> cpu_seconds;
  std::optional<double> resident_bytes;
  std::optional<double> open_fds, max_fds;
  std::optional<double> threads;
  std::optional<double> start_time_seconds;  // since 1970
};

ProcessFigures read_process_figures();

}  // namespace penstock::api
