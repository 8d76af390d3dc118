// The lines of `penstock demo`: when, who, what. Thread-safe.
#pragma once

#include <chrono>
#include <mutex>
#include <ostream>
#include <string_view>

namespace penstock::cli {

class Narrator {
 public:
  explicit Narrator(std::ostream& out) : out_(out) {}
  void say(std::string_view who, std::string_view what);

 private:
  std::ostream& out_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
};

}  // namespace penstock::cli
