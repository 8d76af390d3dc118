// The small parts: sizes, nearest names, places.
#include <gtest/gtest.h>

#include "config/nearest.h"
#include "config/problem.h"
#include "config/size_text.h"
#include "config/toml_text.h"

namespace penstock::config {
namespace {

TEST(SizeText, ReadsPlainNumbersAndBinaryUnits) {
  EXPECT_EQ(parse_size("1048576"), 1 << 20);
  EXPECT_EQ(parse_size("16MiB"), 16 << 20);
  EXPECT_EQ(parse_size("64 KiB"), 64 << 10);
  EXPECT_EQ(parse_size("2GiB"), std::int64_t{2} << 30);
  EXPECT_EQ(parse_size("512B"), 512);
}

TEST(SizeText, RefusesDecimalUnitsSignsAndOverflow) {
  for (const char* text : {"", "MiB", "16MB", "1.5MiB", "-1", "9999999999999GiB", "0x10", "1 M"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(SizeText, WritesTheShortestExactForm) {
  EXPECT_EQ(format_size(16 << 20), "16MiB");
  EXPECT_EQ(format_size(1'000), "1000");
  EXPECT_EQ(format_size(1'025), "1025");
}

TEST(NearestName, CountsASwapAsOneStep) {
  constexpr std::string_view kKnown[] = {"kafka", "rabbitmq", "console"};
  EXPECT_EQ(nearest_name("kakfa", kKnown), "kafka");
  EXPECT_EQ(nearest_name("rabitmq", kKnown), "rabbitmq");
  EXPECT_EQ(nearest_name("Console", kKnown), "console");
}

TEST(NearestName, OffersNothingFarAway) {
  constexpr std::string_view kKnown[] = {"kafka", "rabbitmq"};
  EXPECT_EQ(nearest_name("webhook", kKnown), "");
  EXPECT_EQ(nearest_name("", kKnown), "");
}

TEST(Place, IsTakenApartFromItsEnd) {
  const PlaceParts parts = split_place("C:odd:name.toml:12:9");
  EXPECT_EQ(parts.file, "C:odd:name.toml");
  EXPECT_EQ(parts.line, 12u);
  EXPECT_EQ(parts.column, 9u);
  EXPECT_EQ(split_place("environment variable X").line, 0u);
}

TEST(TomlText, EscapesWhatABasicStringCannotHold) {
  EXPECT_EQ(toml_quoted("a\"b\\c\n\x01"), R"("a\"b\\c\n\u0001")");
  EXPECT_EQ(key_text("linger.ms"), "\"linger.ms\"");
  EXPECT_EQ(key_text("grace_ms"), "grace_ms");
}

}  // namespace
}  // namespace penstock::config
