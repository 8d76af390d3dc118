#include "core/timestamp_text.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

std::string back(std::string_view text) {
  const auto time = parse_timestamp(text);
  return time ? format_timestamp(*time) : "refused";
}

TEST(TimestampText, ReadsUtcFractionsAndOffsets) {
  EXPECT_EQ(back("2026-02-03T04:05:06Z"), "2026-02-03T04:05:06.000000Z");
  EXPECT_EQ(back("2026-02-03 04:05:06.1234567z"), "2026-02-03T04:05:06.123456Z");
  EXPECT_EQ(back("2026-02-03T04:05:06.5+02:30"), "2026-02-03T01:35:06.500000Z");
  EXPECT_EQ(back("2024-02-29T00:00:00-01:00"), "2024-02-29T01:00:00.000000Z");
}

TEST(TimestampText, RefusesWhatIsNoTime) {
  for (const char* text : {"", "2026-02-03", "2026-02-30T00:00:00Z", "2026-02-03T24:00:00Z", "2026-02-03T04:05:06",
                           "2026-02-03T04:05:06Z ", "2026-02-03T04:05:06.Z", "26-02-03T04:05:06Z",
                           "2026-02-03T04:05:06+24:00", "2025-02-29T00:00:00Z"}) {
    EXPECT_EQ(back(text), "refused") << text;
  }
}

}  // namespace
}  // namespace penstock
