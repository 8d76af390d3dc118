#include "store/postgres/parameters.h"

#include <bit>

#include "core/json_text.h"
#include "store/postgres/rows.h"

namespace penstock::store::postgres {
namespace {

constexpr int kBinary = 1;  // as libpq numbers the forms

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  char buffer[8];
  for (int i = 0; i < bytes; ++i) buffer[i] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
  out.append(buffer, static_cast<std::size_t>(bytes));
}

void append_array_header(std::string& out, SqlType element, std::size_t count, int has_nulls) {
  append_int32(out, count == 0 ? 0 : 1);  // dimensions
  append_int32(out, has_nulls);
  append_int32(out, static_cast<std::int32_t>(element));
  if (count == 0) return;
  append_int32(out, static_cast<std::int32_t>(count));
  append_int32(out, 1);  // lower bound
}

void append_element(std::string& out, std::string_view value) {
  append_int32(out, static_cast<std::int32_t>(value.size()));
  out.append(value);
}

template <typename Text>
std::string encode_texts(const std::vector<Text>& values) {
  std::string out;
  append_array_header(out, SqlType::kText, values.size(), 0);
  for (const auto& value : values) append_element(out, value);
  return out;
}

std::string as_text(std::string_view text) {
  if (is_utf8_text(text)) return std::string(text);
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    static constexpr char kDigits[] = "0123456789abcdef";
    if (byte >= 0x20 && byte < 0x7f)
      escaped += c;
    else
      escaped.append("\\x").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return escaped;
}

}  // namespace

void append_int16(std::string& out, std::int16_t value) {
  append_big_endian(out, static_cast<std::uint16_t>(value), 2);
}
void append_int32(std::string& out, std::int32_t value) {
  append_big_endian(out, static_cast<std::uint32_t>(value), 4);
}
void append_int64(std::string& out, std::int64_t value) {
  append_big_endian(out, static_cast<std::uint64_t>(value), 8);
}

Parameters& Parameters::add(SqlType type, const char* value, std::size_t length) {
  types_.push_back(static_cast<std::uint32_t>(type));
  values_.push_back(value);
  lengths_.push_back(static_cast<int>(length));
  formats_.push_back(kBinary);
  return *this;
}

Parameters& Parameters::add_owned(SqlType type, std::string bytes) {
  const std::string& kept = owned_.emplace_back(std::move(bytes));
  return add(type, kept.data(), kept.size());
}

Parameters& Parameters::add_number(SqlType type, std::uint64_t value, int bytes) {
  std::string out;
  append_big_endian(out, value, bytes);
  return add_owned(type, std::move(out));
}

Parameters& Parameters::null(SqlType type) { return add(type, nullptr, 0); }

Parameters& Parameters::boolean(bool value) { return add_number(SqlType::kBool, value ? 1 : 0, 1); }

Parameters& Parameters::int4(std::int32_t value) {
  return add_number(SqlType::kInt4, static_cast<std::uint32_t>(value), 4);
}

Parameters& Parameters::int8(std::optional<std::int64_t> value) {
  return value ? add_number(SqlType::kInt8, static_cast<std::uint64_t>(*value), 8) : null(SqlType::kInt8);
}

Parameters& Parameters::real(std::optional<double> value) {
  return value ? add_number(SqlType::kFloat8, std::bit_cast<std::uint64_t>(*value), 8) : null(SqlType::kFloat8);
}

Parameters& Parameters::text(std::optional<std::string_view> value) {
  return value ? add_owned(SqlType::kText, std::string(*value)) : null(SqlType::kText);
}

Parameters& Parameters::words(std::optional<std::string_view> value) {
  return value ? add_owned(SqlType::kText, as_text(*value)) : null(SqlType::kText);
}

Parameters& Parameters::json(std::string_view value) { return add_owned(SqlType::kJson, std::string(value)); }

Parameters& Parameters::bytea(std::optional<std::string_view> value) {
  return value ? add_owned(SqlType::kBytea, std::string(*value)) : null(SqlType::kBytea);
}

Parameters& Parameters::uuid(const std::optional<EventId>& value) {
  if (!value) return null(SqlType::kUuid);
  const auto& bytes = value->bytes();
  return add_owned(SqlType::kUuid, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Parameters& Parameters::timestamptz(std::optional<Timestamp> value) {
  if (!value) return null(SqlType::kTimestamptz);
  return add_number(SqlType::kTimestamptz, static_cast<std::uint64_t>(to_postgres_time(*value)), 8);
}

Parameters& Parameters::texts(const std::vector<std::string_view>& values) {
  return add_owned(SqlType::kTextArray, encode_texts(values));
}

Parameters& Parameters::texts(const std::vector<std::string>& values) {
  return add_owned(SqlType::kTextArray, encode_texts(values));
}

Parameters& Parameters::int8s(const std::vector<std::int64_t>& values) {
  std::string out;
  append_array_header(out, SqlType::kInt8, values.size(), 0);
  for (const std::int64_t value : values) {
    append_int32(out, 8);
    append_int64(out, value);
  }
  return add_owned(SqlType::kInt8Array, std::move(out));
}

Parameters& Parameters::uuids(const std::vector<EventId>& values) {
  std::string out;
  append_array_header(out, SqlType::kUuid, values.size(), 0);
  for (const EventId& id : values)
    append_element(out, {reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size()});
  return add_owned(SqlType::kUuidArray, std::move(out));
}

Parameters& Parameters::array(SqlType array, SqlType element,
                              const std::vector<std::optional<std::string_view>>& values) {
  std::string out;
  append_array_header(out, element, values.size(), 1);
  for (const auto& value : values) {
    if (value)
      append_element(out, *value);
    else
      append_int32(out, -1);
  }
  return add_owned(array, std::move(out));
}

}  // namespace penstock::store::postgres
