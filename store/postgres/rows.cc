#include "store/postgres/rows.h"

#include <libpq-fe.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <string>

#include "core/invariant.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::sys_days kPostgresEpoch = std::chrono::year{2000} / 1 / 1;
constexpr int kBinary = 1;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

Rows::Rows(pg_result* owned)
    : result_(owned, [](pg_result* result) { PQclear(result); }), rows_(static_cast<std::size_t>(PQntuples(owned))) {}

std::size_t Rows::columns() const { return result_ ? static_cast<std::size_t>(PQnfields(result_.get())) : 0; }

std::string_view Rows::column_name(std::size_t column) const {
  return PQfname(result_.get(), static_cast<int>(column));
}

std::uint64_t Rows::affected() const {
  if (!result_) return 0;
  const std::string_view text = PQcmdTuples(result_.get());
  std::uint64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

bool Rows::is_null(std::size_t row, std::size_t column) const {
  return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}

std::string_view Rows::bytes(std::size_t row, std::size_t column) const {
  const int r = static_cast<int>(row), c = static_cast<int>(column);
  return {PQgetvalue(result_.get(), r, c), static_cast<std::size_t>(PQgetlength(result_.get(), r, c))};
}

std::int64_t Rows::integer(std::size_t row, std::size_t column) const {
  const std::string_view value = bytes(row, column);
  if (PQfformat(result_.get(), static_cast<int>(column)) == kBinary) {
    switch (value.size()) {
      case 2: return static_cast<std::int16_t>(big_endian(value));
      case 4: return static_cast<std::int32_t>(big_endian(value));
      case 8: return static_cast<std::int64_t>(big_endian(value));
    }
    INVARIANT(false, "a statement of ours asks for an integer where the column has another type");
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  INVARIANT(error == std::errc() && end == value.data() + value.size(), "the column is an integer");
  return number;
}

bool Rows::boolean(std::size_t row, std::size_t column) const {
  const std::string_view value = bytes(row, column);
  return !value.empty() && (value[0] == 't' || value[0] == '\1');
}

double Rows::real(std::size_t row, std::size_t column) const {
  return std::bit_cast<double>(big_endian(bytes(row, column)));
}

EventId Rows::uuid(std::size_t row, std::size_t column) const {
  const std::string_view value = bytes(row, column);
  std::array<std::uint8_t, 16> raw{};
  INVARIANT(value.size() == raw.size(), "a uuid in binary form has 16 bytes");
  std::memcpy(raw.data(), value.data(), raw.size());
  return EventId(raw);
}

Timestamp Rows::timestamp(std::size_t row, std::size_t column) const {
  return from_postgres_time(integer(row, column));
}

std::int64_t to_postgres_time(Timestamp time) {
  return (time - std::chrono::time_point_cast<std::chrono::microseconds>(kPostgresEpoch)).count();
}

Timestamp from_postgres_time(std::int64_t microseconds) {
  return std::chrono::time_point_cast<std::chrono::microseconds>(kPostgresEpoch) +
         std::chrono::microseconds(microseconds);
}

}  // namespace penstock::store::postgres
