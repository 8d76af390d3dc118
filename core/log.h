// Where a state change is said. One line per change, with a code and what to do; the normal run of
// events says nothing above debug. Payloads and secrets never get here.
#pragma once

#include <initializer_list>
#include <string_view>

#include "core/error.h"

namespace penstock {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };

inline constexpr LogLevel kAllLogLevels[] = {LogLevel::kTrace, LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn,
                                             LogLevel::kError};

// "warn"
std::string_view to_string(LogLevel level);

// A named value of a line: route, source, position, attempt …
struct LogField {
  std::string_view name;
  std::string_view value;
};

// Thread-safe; never blocks on its output for long and never fails: what can't be written is
// counted. Handed in, never global.
class Log {
 public:
  virtual ~Log() = default;
  virtual bool enabled(LogLevel level) const = 0;
  // `code` is a name out of the table of codes, or empty. Views are used during the call only.
  virtual void write(LogLevel level, std::string_view component, std::string_view code, std::string_view message,
                     std::initializer_list<LogField> fields) = 0;

  void info(std::string_view component, std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kInfo, component, {}, message, fields);
  }
  void debug(std::string_view component, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (enabled(LogLevel::kDebug)) write(LogLevel::kDebug, component, {}, message, fields);
  }
  // Says the error's message, code and hint.
  void warn(std::string_view component, const Error& error, std::initializer_list<LogField> fields = {});
  void error(std::string_view component, const Error& error, std::initializer_list<LogField> fields = {});
};

}  // namespace penstock
