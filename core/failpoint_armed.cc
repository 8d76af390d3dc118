#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>

#include "core/failpoint.h"

namespace penstock {
namespace {

struct ArmedPoint {
  std::string name;
  std::atomic<long> passes_left{0};
  int signal = SIGKILL;  // not exit: nothing may be flushed, unlocked or said on the way out

  ArmedPoint() {
    const char* setting = std::getenv("PENSTOCK_FAILPOINT");
    if (setting == nullptr) return;
    std::string_view text(setting);
    constexpr std::string_view kStop = ":stop";
    if (text.ends_with(kStop)) {
      signal = SIGSTOP;
      text.remove_suffix(kStop.size());
    }
    const auto colon = text.find(':');
    name = text.substr(0, colon);
    long count = 1;
    if (colon != std::string_view::npos) std::from_chars(text.data() + colon + 1, text.data() + text.size(), count);
    passes_left = count;
  }
};

}  // namespace

void pass_failpoint(std::string_view name) {
  static ArmedPoint armed;
  if (armed.name != name) return;
  if (armed.passes_left.fetch_sub(1) == 1) std::raise(armed.signal);
}

}  // namespace penstock
