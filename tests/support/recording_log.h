// A log that keeps its lines, for tests that count what was said. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/log.h"

namespace penstock::tests {

class RecordingLog final : public Log {
 public:
  struct Line {
    LogLevel level;
    std::string component, code, message;
    std::map<std::string, std::string> fields;
  };

  explicit RecordingLog(LogLevel least = LogLevel::kInfo) : least_(least) {}

  bool enabled(LogLevel level) const override { return level >= least_; }
  void write(LogLevel level, std::string_view component, std::string_view code, std::string_view message,
             std::initializer_list<LogField> fields) override;

  std::vector<Line> lines() const;
  std::size_t count(LogLevel level) const;
  // All lines as text, for a failing assertion.
  std::string text() const;

 private:
  const LogLevel least_;
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

}  // namespace penstock::tests
