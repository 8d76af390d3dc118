#include "core/timestamp_text.h"

namespace penstock {
namespace {

// Takes parts off the front of a text; remembers that one did not fit.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  unsigned digits(std::size_t count) {
    unsigned number = 0;
    if (rest_.size() < count) return refuse();
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return refuse();
      number = number * 10 + static_cast<unsigned>(c - '0');
    }
    rest_.remove_prefix(count);
    return number;
  }

  char letter(std::string_view allowed) {
    if (rest_.empty() || allowed.find(rest_.front()) == std::string_view::npos) return static_cast<char>(refuse());
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }

  // ".123" in microseconds; 0 where there is no point.
  unsigned fraction() {
    if (rest_.empty() || rest_.front() != '.') return 0;
    rest_.remove_prefix(1);
    unsigned micros = 0;
    std::size_t count = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; rest_.remove_prefix(1), ++count) {
      if (count < 6) micros = micros * 10 + static_cast<unsigned>(rest_.front() - '0');
    }
    if (count == 0 || count > 9) return refuse();
    for (; count < 6; ++count) micros *= 10;
    return micros;
  }

  bool at_end() const { return fits_ && rest_.empty(); }

 private:
  unsigned refuse() {
    fits_ = false;
    return 0;
  }

  std::string_view rest_;
  bool fits_ = true;
};

}  // namespace

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  using namespace std::chrono;
  Scanner scan(text);
  const int year_number = static_cast<int>(scan.digits(4));
  scan.letter("-");
  const unsigned month_number = scan.digits(2);
  scan.letter("-");
  const unsigned day_number = scan.digits(2);
  scan.letter("Tt ");
  const unsigned hour = scan.digits(2);
  scan.letter(":");
  const unsigned minute = scan.digits(2);
  scan.letter(":");
  const unsigned second = scan.digits(2);
  const unsigned micros = scan.fraction();
  const char zone = scan.letter("Zz+-");
  minutes offset{0};
  if (zone == '+' || zone == '-') {
    const unsigned zone_hours = scan.digits(2);
    scan.letter(":");
    const unsigned zone_minutes = scan.digits(2);
    if (zone_hours > 23 || zone_minutes > 59) return std::nullopt;
    offset = hours(zone_hours) + minutes(zone_minutes);
    if (zone == '-') offset = -offset;
  }
  const year_month_day date{year(year_number), month(month_number), day(day_number)};
  if (!scan.at_end() || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + microseconds(micros) - offset;
}

}  // namespace penstock
