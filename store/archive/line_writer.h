// Entries as lines of JSON. What is JSON in an event stays as it is, byte for byte, where it fits on a line
// and can be found again there; everything else is written as base64. docs/export.md shows the lines.
#pragma once

#include <string>

#include "store/archive/entries.h"

namespace penstock::store::archive {

// kCloudEvents: each line is a CloudEvent in the structured mode (CloudEvents 1.0.2, JSON format).
enum class Style { kJsonLines, kCloudEvents };

// Appends the line of an entry, with its line feed.
void append_line(std::string& out, const Entry& entry, Style style);
// The same for a row, which is not copied for it.
void append_line(std::string& out, const LogRow& row, Style style);

// Times outside of the years 0000 to 9999 are @ and microseconds since 1970.
std::string time_text(Timestamp time);

}  // namespace penstock::store::archive
