#include "cli/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "core/json_text.h"

namespace penstock::cli {

std::string& JsonObject::member(std::string_view name) {
  if (text_.size() > 1) text_ += ",";
  append_json_string(text_, name);
  return text_ += ":";
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  append_json_string(member(name), value);
  return *this;
}

JsonObject& JsonObject::text_or_null(std::string_view name, const std::optional<std::string>& value) {
  return value ? text(name, *value) : null(name);
}

JsonObject& JsonObject::number(std::string_view name, std::int64_t value) {
  member(name) += std::to_string(value);
  return *this;
}

JsonObject& JsonObject::number_or_null(std::string_view name, std::optional<std::int64_t> value) {
  return value ? number(name, *value) : null(name);
}

JsonObject& JsonObject::fraction_or_null(std::string_view name, std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return null(name);
  std::array<char, 64> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *value, std::chars_format::fixed, 3);
  member(name).append(digits.data(), end.ptr);
  return *this;
}

JsonObject& JsonObject::boolean(std::string_view name, bool value) {
  member(name) += value ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::null(std::string_view name) {
  member(name) += "null";
  return *this;
}

JsonObject& JsonObject::position(std::string_view name, Position value) {
  return text(name, std::to_string(value.value));
}

JsonObject& JsonObject::position_or_null(std::string_view name, std::optional<Position> value) {
  return value ? position(name, *value) : null(name);
}

JsonObject& JsonObject::time(std::string_view name, Timestamp value) { return text(name, format_timestamp(value)); }

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  member(name) += json;
  return *this;
}

std::string JsonObject::finish() && {
  text_ += "}";
  return std::move(text_);
}

JsonArray& JsonArray::add(std::string_view json) {
  if (text_.size() > 1) text_ += ",";
  text_ += json;
  return *this;
}

std::string JsonArray::finish() && {
  text_ += "]";
  return std::move(text_);
}

}  // namespace penstock::cli
