// The program's log: lines on standard error, written by spdlog's thread so that nobody who logs
// waits for a terminal, a pipe or a disk. The only header with spdlog behind it.
//
// The queue holds 1,024 lines. When the reader of standard error stands still, the oldest lines are
// dropped and counted, and the count is said as soon as lines get through again.
#pragma once

#include <memory>

#include "cli/output.h"
#include "config/settings.h"
#include "core/clock.h"
#include "core/log.h"

namespace penstock::cli {

struct LogOutput {
  int descriptor = 2;
  config::LogTable table;
  Palette palette{Palette::Use::kPlain};
};

class SpdlogLog final : public Log {
 public:
  // `clock` outlives the log.
  SpdlogLog(const Clock& clock, LogOutput output);
  // Writes what is queued, as far as the reader takes it.
  ~SpdlogLog() override;

  bool enabled(LogLevel level) const override;
  void write(LogLevel level, std::string_view component, std::string_view code, std::string_view message,
             std::initializer_list<LogField> fields) override;

  // A line below the log that the next one overwrites; an empty one removes it. For terminals only; what does not fit
  // into the terminal's width is left out.
  void show_progress(const std::string& text);

  // Lines of this level that were to be written since the start.
  std::uint64_t lines(LogLevel level) const;
  // Lines that were not written because the reader stood still.
  std::uint64_t dropped() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace penstock::cli
