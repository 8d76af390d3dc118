// JSON results, written member by member in a stable order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/ids.h"

namespace penstock::cli {

class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value);
  JsonObject& text_or_null(std::string_view name, const std::optional<std::string>& value);
  JsonObject& number(std::string_view name, std::int64_t value);
  JsonObject& number_or_null(std::string_view name, std::optional<std::int64_t> value);
  JsonObject& fraction_or_null(std::string_view name, std::optional<double> value);
  JsonObject& boolean(std::string_view name, bool value);
  JsonObject& null(std::string_view name);
  // 64-bit positions are strings, because readers of JSON keep 53 bits.
  JsonObject& position(std::string_view name, Position value);
  JsonObject& position_or_null(std::string_view name, std::optional<Position> value);
  JsonObject& time(std::string_view name, Timestamp value);
  // A JSON value as it is.
  JsonObject& raw(std::string_view name, std::string_view json);

  // "{…}" without a line break. The object is empty afterwards.
  std::string finish() &&;

 private:
  std::string& member(std::string_view name);
  std::string text_ = "{";
};

class JsonArray {
 public:
  JsonArray& add(std::string_view json);
  std::string finish() &&;

 private:
  std::string text_ = "[";
};

}  // namespace penstock::cli
