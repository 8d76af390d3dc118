// The parameters of one statement, in binary form with explicit types, so that nothing is escaped,
// parsed, or ended by a NUL.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"

namespace penstock::store::postgres {

// Oids of the built-in types that we send (PostgreSQL: pg_type.dat; they never change).
enum class SqlType : std::uint32_t {
  kBool = 16,
  kBytea = 17,
  kInt8 = 20,
  kInt4 = 23,
  kText = 25,
  kJson = 114,
  kFloat8 = 701,
  kTimestamptz = 1184,
  kUuid = 2950,
  kByteaArray = 1001,
  kTextArray = 1009,
  kInt8Array = 1016,
  kTimestamptzArray = 1185,
  kUuidArray = 2951,
};

// Filled left to right: $1, $2 … Everything is copied.
class Parameters {
 public:
  Parameters() = default;
  Parameters(Parameters&&) = default;  // what was encoded stays where it is
  Parameters& operator=(Parameters&&) = default;
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  Parameters& null(SqlType type);
  Parameters& boolean(bool value);
  Parameters& int4(std::int32_t value);
  Parameters& real(std::optional<double> value);
  Parameters& int8(std::optional<std::int64_t> value);
  Parameters& text(std::optional<std::string_view> value);
  // Text that came from elsewhere (another database, a broker), made fit for a text column: where it is
  // not UTF-8 or has a NUL, its bytes are written as \xNN.
  Parameters& words(std::optional<std::string_view> value);
  Parameters& json(std::string_view value);
  Parameters& bytea(std::optional<std::string_view> value);
  Parameters& uuid(const std::optional<EventId>& value);
  Parameters& timestamptz(std::optional<Timestamp> value);
  Parameters& texts(const std::vector<std::string_view>& values);
  Parameters& texts(const std::vector<std::string>& values);
  Parameters& int8s(const std::vector<std::int64_t>& values);
  Parameters& uuids(const std::vector<EventId>& values);
  // Any array of variable-length values of `element` type; nullopt is SQL's null.
  Parameters& array(SqlType array, SqlType element, const std::vector<std::optional<std::string_view>>& values);

  // As PQsendQueryPrepared wants them.
  int count() const { return static_cast<int>(types_.size()); }
  const std::uint32_t* types() const { return types_.data(); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  Parameters& add(SqlType type, const char* value, std::size_t length);
  Parameters& add_owned(SqlType type, std::string bytes);
  Parameters& add_number(SqlType type, std::uint64_t value, int bytes);

  std::deque<std::string> owned_;
  std::vector<std::uint32_t> types_;
  std::vector<const char*> values_;
  std::vector<int> lengths_, formats_;
};

// Appends numbers in network byte order: the wire form of arrays and of binary COPY.
void append_int16(std::string& out, std::int16_t value);
void append_int32(std::string& out, std::int32_t value);
void append_int64(std::string& out, std::int64_t value);

}  // namespace penstock::store::postgres
