#include "cli/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace penstock::cli {
namespace {

constexpr std::chrono::milliseconds kPause{200};
constexpr std::string_view kClearLine = "\r\x1b[K";

}  // namespace

ProgressLine::ProgressLine(std::ostream& err, const Clock& clock, Shown shown)
    : err_(err), clock_(clock), shown_(shown), begun_(clock.now()) {}

ProgressLine::~ProgressLine() {
  if (written_) err_ << kClearLine << std::flush;
}

void ProgressLine::show(std::uint64_t events, std::optional<double> share) {
  const SteadyTime now = clock_.now();
  if (shown_ == Shown::kNo || now < next_) return;
  next_ = now + kPause;
  written_ = true;
  const double seconds = std::chrono::duration<double>(now - begun_).count();
  err_ << kClearLine << events << " events";
  if (seconds > 0) err_ << ", " << std::llround(static_cast<double>(events) / seconds) << "/s";
  if (share) {
    const double done = std::clamp(*share, 0.0, 1.0);
    err_ << ", " << std::llround(done * 100) << " %";
    if (done > 0) err_ << ", " << std::llround(seconds / done * (1 - done)) << " s left";
  }
  err_ << std::flush;
}

ProgressLine::Shown shown_on_terminal() {
  return ::isatty(STDERR_FILENO) == 1 ? ProgressLine::Shown::kYes : ProgressLine::Shown::kNo;
}

}  // namespace penstock::cli
