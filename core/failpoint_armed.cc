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
  std::string event;  // only for this one; empty: for all
  std::atomic<long> passes_left{0};
  int signal = SIGKILL;  // not exit: nothing may be flushed, unlocked or said on the way out

  ArmedPoint() {
    const char* setting = std::getenv("PENSTOCK_FAILPOINT");
    if (setting == nullptr) return;
    std::string_view text(setting);
    if (const auto at = text.find('@'); at != std::string_view::npos) {
      name = text.substr(0, at);
      event = text.substr(at + 1);
      return;
    }
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

ArmedPoint& armed_point() {
  static ArmedPoint armed;
  return armed;
}

}  // namespace

void pass_failpoint(std::string_view name) {
  ArmedPoint& armed = armed_point();
  if (armed.name != name || !armed.event.empty()) return;
  if (armed.passes_left.fetch_sub(1) == 1) std::raise(armed.signal);
}

void pass_failpoint(std::string_view name, const EventId& event) {
  const ArmedPoint& armed = armed_point();
  if (armed.name == name && armed.event == event.to_string()) std::raise(SIGKILL);
  pass_failpoint(name);
}

}  // namespace penstock
