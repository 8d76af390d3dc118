// The text forms of cells: always the same for the same value, because a duplicate must carry the
// same bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/outbox/row_shape.h"
#include "core/clock.h"

namespace penstock::outbox {

// A view of `cell`'s bytes, or of `scratch` where the text had to be made; nullopt for NULL. Bytes
// are returned as they are.
std::optional<std::string_view> text_of(const Cell& cell, std::string& scratch);

// Appends the value as JSON for the metadata: numbers, booleans and JSON as they are, times in RFC
// 3339, bytes in base64. The cell must not be NULL.
void append_json_value(std::string& out, const Cell& cell, ColumnType type);

// Appends {column: text | {"base64": …} | null} of all columns, the order column first.
void append_row_json(std::string& out, const RowShape& shape, const Row& row);

// A point in time out of a cell: a time; a number of seconds, milliseconds, microseconds or
// nanoseconds since 1970, told apart by their magnitude; or ISO 8601 text, in UTC where it names no
// zone. nullopt when it is none, or lies outside the years 1 to 9999.
std::optional<Timestamp> time_of(const Cell& cell);

}  // namespace penstock::outbox
