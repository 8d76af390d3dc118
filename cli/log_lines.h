// The two forms of a log line. Pure.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "cli/output.h"
#include "core/clock.h"
#include "core/log.h"

namespace penstock::cli {

struct LogLine {
  Timestamp time;
  LogLevel level;
  std::string_view component, code, message;
  std::initializer_list<LogField> fields;
};

// 2026-02-03T04:05:06.000007Z WARN  relay: message route=orders-in code=kafka.unavailable
std::string text_line(const LogLine& line, const Palette& palette);

// {"ts":"…","level":"warn","msg":"…","component":"relay","code":"kafka.unavailable","route":"orders-in"}
std::string json_line(const LogLine& line);

}  // namespace penstock::cli
