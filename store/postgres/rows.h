// The answer of one statement: rows of columns, in text or binary form, freed with its last owner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/clock.h"
#include "core/ids.h"

struct pg_result;

namespace penstock::store::postgres {

// Cheap to copy: it shares the memory. Immutable and thread-safe. Row and column numbers beyond the
// answer, and a typed getter on a column of another type, are defects of the caller.
class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* owned);

  std::size_t size() const { return rows_; }
  bool empty() const { return rows_ == 0; }
  std::size_t columns() const;
  std::string_view column_name(std::size_t column) const;
  // Rows that an INSERT, UPDATE, DELETE or SELECT touched.
  std::uint64_t affected() const;

  bool is_null(std::size_t row, std::size_t column) const;
  // The bytes as they were sent; empty for null. A terminating NUL follows them.
  std::string_view bytes(std::size_t row, std::size_t column) const;

  // int2, int4, int8 and oid in either form.
  std::int64_t integer(std::size_t row, std::size_t column) const;
  bool boolean(std::size_t row, std::size_t column) const;
  // Binary form only.
  double real(std::size_t row, std::size_t column) const;          // float8
  EventId uuid(std::size_t row, std::size_t column) const;         // uuid
  Timestamp timestamp(std::size_t row, std::size_t column) const;  // timestamptz

  // What an EventBatch adopts so that views into the rows stay valid.
  std::shared_ptr<const void> memory() const { return result_; }

 private:
  std::shared_ptr<pg_result> result_;
  std::size_t rows_ = 0;
};

// PostgreSQL counts microseconds from 2000-01-01 UTC.
std::int64_t to_postgres_time(Timestamp time);
Timestamp from_postgres_time(std::int64_t microseconds);

}  // namespace penstock::store::postgres
