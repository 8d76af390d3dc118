// How planned events are put on the wire: as binary COPY data, or as one array a column.
#pragma once

#include <span>
#include <string>

#include "store/append_rules.h"
#include "store/postgres/parameters.h"

namespace penstock::store::postgres {

// The columns in the order of both encodings.
inline constexpr std::string_view kEventColumns =
    "position, version, occurred_at, recorded_at, id, stream, category, type, content_type, metadata, data";

// Replaces `out` by a whole binary COPY stream. (PostgreSQL: COPY, "Binary Format".)
void encode_copy(std::span<const PlannedEvent> events, Timestamp recorded_at, std::string& out);

// Adds $1 … $11; recorded_at is a single value.
void add_event_arrays(std::span<const PlannedEvent> events, Timestamp recorded_at, Parameters& parameters);

}  // namespace penstock::store::postgres
