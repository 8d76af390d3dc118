// Reading a time as people and programs write it.
#pragma once

#include <optional>
#include <string_view>

#include "core/clock.h"

namespace penstock {

// RFC 3339: 2026-02-03T04:05:06Z, with up to nine fraction digits (cut to microseconds) and with an
// offset in the place of Z. nullopt for anything else, impossible dates included.
std::optional<Timestamp> parse_timestamp(std::string_view text);

}  // namespace penstock
