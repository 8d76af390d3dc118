#include "cli/demo/narrator.h"

#include <fmt/format.h>

namespace penstock::cli {

void Narrator::say(std::string_view who, std::string_view what) {
  std::lock_guard lock(mutex_);
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begun_;
  out_ << fmt::format("{:5.1f} s  {:<9} {}\n", passed.count(), who, what) << std::flush;
}

}  // namespace penstock::cli
