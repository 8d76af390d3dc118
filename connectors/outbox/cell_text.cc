#include "connectors/outbox/cell_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "core/ids.h"
#include "core/json_text.h"

namespace penstock::outbox {
namespace {

using std::chrono::microseconds;

constexpr Timestamp kFirstTime = std::chrono::sys_days(std::chrono::year{1} / 1 / 1);
constexpr Timestamp kEndOfTime = std::chrono::sys_days(std::chrono::year{10'000} / 1 / 1);

EventId id_of_bytes(std::string_view sixteen_bytes) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(sixteen_bytes.begin(), std::min(bytes.size(), sixteen_bytes.size()), bytes.begin());
  return EventId(bytes);
}

std::string_view number_text(std::int64_t number, std::string& scratch) {
  char digits[24];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  scratch.assign(digits, end);
  return scratch;
}

// Postgres writes NaN and Infinity too, money with its sign, and types of extensions as they like.
bool is_json_number(std::string_view text) {
  return !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) && is_json(text);
}

std::optional<Timestamp> in_range(microseconds since_epoch) {
  if (since_epoch < kFirstTime.time_since_epoch() || since_epoch >= kEndOfTime.time_since_epoch()) return std::nullopt;
  return Timestamp(since_epoch);
}

// Each unit's values from 1973 to 5138 lie in a band of their own.
std::optional<Timestamp> time_of_number(std::int64_t number) {
  constexpr std::int64_t kSecondsEnd = 100'000'000'000, kMillisecondsEnd = kSecondsEnd * 1'000,
                         kMicrosecondsEnd = kMillisecondsEnd * 1'000;
  const auto within = [&](std::int64_t end) { return number > -end && number < end; };
  if (within(kSecondsEnd)) return in_range(std::chrono::seconds(number));
  if (within(kMillisecondsEnd)) return in_range(std::chrono::milliseconds(number));
  if (within(kMicrosecondsEnd)) return in_range(microseconds(number));
  return in_range(std::chrono::floor<microseconds>(std::chrono::nanoseconds(number)));
}

// Reads fixed-width numbers and separators from the front of a text.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<int> digits(std::size_t count) {
    int value = 0;
    if (rest_.size() < count) return std::nullopt;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  // The digits after the point; what lies beyond microseconds is cut off.
  std::optional<microseconds> fraction() {
    std::int64_t value = 0;
    std::size_t count = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count)
      if (count < 6) value = value * 10 + (rest_[count] - '0');
    if (count == 0) return std::nullopt;
    for (std::size_t i = count; i < 6; ++i) value *= 10;
    rest_.remove_prefix(count);
    return microseconds(value);
  }
  // `Z`, nothing, or an offset from UTC.
  std::optional<std::chrono::minutes> zone() {
    take(' ');
    if (take('Z') || take('z') || at_end()) return std::chrono::minutes(0);
    const bool east = take('+');
    if (!east && !take('-')) return std::nullopt;
    const auto hours = digits(2);
    take(':');
    const auto minutes = at_end() ? std::optional(0) : digits(2);
    if (!hours || !minutes || *hours > 15 || *minutes > 59) return std::nullopt;
    const auto offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    return east ? offset : -offset;
  }

 private:
  std::string_view rest_;
};

std::optional<Timestamp> time_of_text(std::string_view text) {
  TimeReader reader(text);
  const auto year = reader.digits(4);
  if (!year || !reader.take('-')) return std::nullopt;
  const auto month = reader.digits(2);
  if (!month || !reader.take('-')) return std::nullopt;
  const auto day = reader.digits(2);
  if (day && reader.at_end()) return time_of_text(std::string(text) + "T00:00");
  if (!day || !(reader.take('T') || reader.take('t') || reader.take(' '))) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  const auto hour = reader.digits(2);
  if (!date.ok() || !hour || *hour > 23 || !reader.take(':')) return std::nullopt;
  const auto minute = reader.digits(2);
  if (!minute || *minute > 59) return std::nullopt;
  const auto second = reader.take(':') ? reader.digits(2) : std::optional(0);
  if (!second || *second > 60) return std::nullopt;
  const auto fraction = reader.take('.') ? reader.fraction() : std::optional(microseconds(0));
  const auto offset = reader.zone();
  if (!fraction || !offset || !reader.at_end()) return std::nullopt;
  const Timestamp time = std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
                         std::chrono::seconds(*second) + *fraction - *offset;
  return in_range(time.time_since_epoch());
}

void append_text_or_base64(std::string& out, std::string_view bytes, bool is_text) {
  if (is_text && is_utf8_text(bytes)) {
    append_json_string(out, bytes);
    return;
  }
  out += "{\"base64\":\"";
  append_base64(out, bytes);
  out += "\"}";
}

}  // namespace

std::optional<std::string_view> text_of(const Cell& cell, std::string& scratch) {
  switch (cell.is) {
    case Cell::Is::kNull: return std::nullopt;
    case Cell::Is::kText:
    case Cell::Is::kBytes: return cell.bytes;
    case Cell::Is::kInteger: return number_text(cell.number, scratch);
    case Cell::Is::kUuid: return scratch = id_of_bytes(cell.bytes).to_string();
    case Cell::Is::kTime:
      if (const auto time = time_of(cell)) return scratch = format_timestamp(*time);
      return scratch = cell.number < 0 ? "-infinity" : "infinity";
  }
  return std::nullopt;
}

void append_json_value(std::string& out, const Cell& cell, ColumnType type) {
  std::string scratch;
  const std::string_view text = text_of(cell, scratch).value_or("null");
  const bool as_it_is = cell.is == Cell::Is::kInteger ||
                        (cell.is == Cell::Is::kText && (type == ColumnType::kJson || type == ColumnType::kBoolean ||
                                                        (type == ColumnType::kNumber && is_json_number(text))));
  if (as_it_is) {
    out += text;
  } else if (cell.is == Cell::Is::kBytes) {
    out += '"';
    append_base64(out, text);
    out += '"';
  } else {
    append_json_string(out, text);
  }
}

void append_row_json(std::string& out, const RowShape& shape, const Row& row) {
  std::string scratch;
  out += '{';
  if (!shape.order_column.empty() && !shape.find(shape.order_column)) {
    append_json_string(out, shape.order_column);
    out.append(":\"").append(number_text(row.number, scratch)).append("\"");
  }
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    if (out.back() != '{') out += ',';
    append_json_string(out, shape.columns[i].name);
    out += ':';
    const auto text = text_of(row.cells[i], scratch);
    if (text)
      append_text_or_base64(out, *text, row.cells[i].is != Cell::Is::kBytes);
    else
      out += "null";
  }
  out += '}';
}

std::optional<Timestamp> time_of(const Cell& cell) {
  switch (cell.is) {
    case Cell::Is::kTime: return in_range(microseconds(cell.number));
    case Cell::Is::kInteger: return time_of_number(cell.number);
    case Cell::Is::kText: return time_of_text(cell.bytes);
    case Cell::Is::kNull:
    case Cell::Is::kBytes:
    case Cell::Is::kUuid: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace penstock::outbox
