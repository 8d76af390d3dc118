#include "core/clock.h"

#include <algorithm>

namespace penstock {
namespace {

void write_digits(char* out, std::size_t width, std::uint64_t value) {
  for (std::size_t i = width; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

Timestamp SystemClock::wall_now() const {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::now() const { return std::chrono::steady_clock::now(); }

std::chrono::milliseconds Deadline::remaining() const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(time_ - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds{0});
}

void write_timestamp(Timestamp time, char* out) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const auto in_day = static_cast<std::uint64_t>((time - day).count());
  const std::uint64_t seconds = in_day / 1'000'000;
  static constexpr char kShape[] = "0000-00-00T00:00:00.000000Z";
  std::copy_n(kShape, kTimestampTextLength, out);
  write_digits(out, 4, static_cast<std::uint64_t>(std::clamp(static_cast<int>(date.year()), 0, 9999)));
  write_digits(out + 5, 2, static_cast<unsigned>(date.month()));
  write_digits(out + 8, 2, static_cast<unsigned>(date.day()));
  write_digits(out + 11, 2, seconds / 3600);
  write_digits(out + 14, 2, seconds / 60 % 60);
  write_digits(out + 17, 2, seconds % 60);
  write_digits(out + 20, 6, in_day % 1'000'000);
}

std::string format_timestamp(Timestamp time) {
  std::string text(kTimestampTextLength, '\0');
  write_timestamp(time, text.data());
  return text;
}

}  // namespace penstock
