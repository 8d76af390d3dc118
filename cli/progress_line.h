// How far a long command has come, on a terminal: one line that is written over and over.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>

#include "core/clock.h"

namespace penstock::cli {

// Single-threaded. Says nothing where standard error is no terminal.
class ProgressLine {
 public:
  enum class Shown { kNo, kYes };
  ProgressLine(std::ostream& err, const Clock& clock, Shown shown);
  // Takes the line away.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // `share`: of the whole, from 0 to 1. Written a few times a second.
  void show(std::uint64_t events, std::optional<double> share);

 private:
  std::ostream& err_;
  const Clock& clock_;
  const Shown shown_;
  const SteadyTime begun_;
  SteadyTime next_{};
  bool written_ = false;
};

// kYes where standard error is a terminal.
ProgressLine::Shown shown_on_terminal();

}  // namespace penstock::cli
