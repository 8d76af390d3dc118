// How planned events are put on the wire: as binary COPY data, or as one array a column.
#pragma once

#include <span>
#include <string>

#include "store/append_rules.h"
#include "store/postgres/parameters.h"
#include "store/transfer.h"

namespace penstock::store::postgres {

// The columns in the order of both encodings.
inline constexpr std::string_view kEventColumns =
    "position, version, occurred_at, recorded_at, id, stream, category, type, content_type, metadata, data";

// Up to here one statement with arrays is faster than COPY with its two more round trips.
inline constexpr std::size_t kArrayEvents = 32;

// A binary COPY stream, piece by piece. (PostgreSQL: COPY, "Binary Format".)
class CopyEncoder {
 public:
  // `events` and what they point to outlive the encoder; `buffer` is used over and over.
  CopyEncoder(std::span<const PlannedEvent> events, Timestamp recorded_at, std::string& buffer);
  // Valid until the next call; empty at the end.
  std::string_view next_chunk();

 private:
  void append(const PlannedEvent& planned);

  std::span<const PlannedEvent> events_;
  const std::int64_t recorded_at_;
  std::string& buffer_;
  enum class Part { kHeader, kRows, kDone } part_ = Part::kHeader;
};

// The same for rows of a log that are written as they are, with their own times; the columns are
// kEventColumns and removed_at.
class LoadEncoder {
 public:
  // `rows` and what they point to outlive the encoder; `buffer` is used over and over.
  LoadEncoder(std::span<const LogRow> rows, std::string& buffer) : rows_(rows), buffer_(buffer) {}
  // Valid until the next call; empty at the end.
  std::string_view next_chunk();

 private:
  void append(const LogRow& row);

  std::span<const LogRow> rows_;
  std::string& buffer_;
  enum class Part { kHeader, kRows, kDone } part_ = Part::kHeader;
};

// Adds $1 … $11; recorded_at is a single value.
void add_event_arrays(std::span<const PlannedEvent> events, Timestamp recorded_at, Parameters& parameters);

}  // namespace penstock::store::postgres
