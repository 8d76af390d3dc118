// The names of entries and members that both the writer and the parser of lines know.
#pragma once

#include <string_view>

namespace penstock::store::archive {

inline constexpr std::string_view kHeader = "penstock_export", kStream = "stream", kCheckpoint = "checkpoint",
                                  kSourceCheckpoint = "source_checkpoint", kParked = "parked", kGap = "gap",
                                  kEnd = "end";
inline constexpr std::string_view kData = "data", kBase64 = "_base64";
inline constexpr std::string_view kParkedWord = "parked", kSkipped = "skipped", kWhole = "whole",
                                  kByReference = "by_reference";
// CloudEvents: an extension attribute that only entries have that are no events, and types of those.
inline constexpr std::string_view kControl = "penstockexport", kControlType = "penstock.export.",
                                  kRemovedType = "penstock.export.removed";

}  // namespace penstock::store::archive
