#include "cli/catch_up.h"

#include <charconv>
#include <cmath>

namespace penstock::cli {
namespace {

constexpr std::int64_t kMuchLeft = 1'000;  // events
constexpr double kMuchWork = 500;          // events a second
constexpr double kWeightOfNews = 0.3;

std::uint64_t counter(std::string_view details, std::string_view name) {
  const std::string member = "\"" + std::string(name) + "\":";
  const auto at = details.find(member);
  std::uint64_t value = 0;
  if (at != std::string_view::npos)
    std::from_chars(details.data() + at + member.size(), details.data() + details.size(), value);
  return value;
}

// What is behind the route for good, whatever became of it.
std::uint64_t done_by(const store::RouteState& state) {
  std::uint64_t done = 0;
  for (const char* name : {"delivered", "filtered", "parked", "skipped"}) done += counter(state.details, name);
  return done;
}

std::string in_thousands(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

std::string in_time(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(seconds));
  if (whole < 120) return std::to_string(whole) + " s";
  if (whole < 7'200) return std::to_string((whole + 59) / 60) + " min";
  return std::to_string((whole + 3'599) / 3'600) + " h";
}

}  // namespace

void CatchUp::measure(Pace& pace, std::uint64_t done, SteadyTime now) {
  const double seconds = std::chrono::duration<double>(now - pace.at).count();
  const bool goes_on = pace.at != SteadyTime{} && done >= pace.done && seconds > 0;
  const double latest = goes_on ? static_cast<double>(done - pace.done) / seconds : 0;
  pace.per_second = pace.per_second == 0 ? latest : pace.per_second + kWeightOfNews * (latest - pace.per_second);
  pace.done = done;
  pace.at = now;
}

std::string CatchUp::observe(const std::vector<store::RouteState>& states, SteadyTime now) {
  std::string line;
  for (const store::RouteState& state : states) {
    Pace& pace = routes_[state.route];
    measure(pace, done_by(state), now);
    const std::int64_t left = state.lag_events.value_or(0);
    const bool is_worth_saying = state.lag_events ? left >= kMuchLeft : pace.per_second >= kMuchWork;
    if (!is_worth_saying) continue;
    if (!line.empty()) line += " | ";
    line += state.route + ": ";
    if (state.lag_events) line += in_thousands(left) + " left, ";
    line += in_thousands(std::llround(pace.per_second)) + "/s";
    if (state.lag_events && pace.per_second >= 1) line += ", " + in_time(static_cast<double>(left) / pace.per_second);
  }
  return line;
}

}  // namespace penstock::cli
