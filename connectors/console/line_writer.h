// Writes to a descriptor that may stall or close, without ever waiting for long and without changing
// the descriptor's mode, which other programs share.
//
// Threads: one writes; check() is for any.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "core/clock.h"
#include "core/error.h"

namespace penstock::console {

class LineWriter {
 public:
  explicit LineWriter(int descriptor);

  // Whether it is open for writing. Error: console.write_failed.
  Status check() const;

  // Writes what is taken at once, waiting at most a tenth of a second; 0 if nothing is. A line that an
  // earlier failure cut off is ended first. Error: console.write_failed.
  Result<std::size_t> write_some(std::string_view text);

  // What follows doesn't continue the line that was begun.
  void give_up_line() { cut_off_ = mid_line_; }

  // Whether nothing was taken for a second.
  bool stalled() const;
  std::shared_ptr<const Error> why_stalled() const;

  // For the thread that writes: a reader that went away is an error, not the end of the program.
  static void block_broken_pipe_signal();

 private:
  const int descriptor_;
  const std::size_t piece_;  // most bytes of one write
  bool mid_line_ = false;
  bool cut_off_ = false;
  std::optional<SteadyTime> refused_since_;
};

}  // namespace penstock::console
