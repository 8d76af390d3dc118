#include "connectors/outbox/cell_text.h"

#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

using std::string_view;

constexpr string_view kSixteenBytes("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef", 16);

std::string time_text(const Cell& cell) {
  const auto time = time_of(cell);
  return time ? format_timestamp(*time) : "none";
}

TEST(CellText, WritesEveryKindOfValueInOneWay) {
  std::string scratch;
  EXPECT_EQ(text_of(Cell::null(), scratch), std::nullopt);
  EXPECT_EQ(text_of(Cell::text("a"), scratch), "a");
  EXPECT_EQ(text_of(Cell::integer(-7), scratch), "-7");
  EXPECT_EQ(text_of(Cell::uuid(kSixteenBytes), scratch), "01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_EQ(text_of(Cell::time(0), scratch), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(text_of(Cell::time(std::numeric_limits<std::int64_t>::max()), scratch), "infinity");
}

TEST(CellText, KeepsNumbersAndJsonUnquotedInMetadata) {
  std::string out;
  append_json_value(out, Cell::integer(7), ColumnType::kInteger);
  append_json_value(out, Cell::text(" 1.10"), ColumnType::kText);
  append_json_value(out, Cell::text("1.10"), ColumnType::kNumber);
  append_json_value(out, Cell::text("NaN"), ColumnType::kNumber);
  append_json_value(out, Cell::text("true"), ColumnType::kBoolean);
  append_json_value(out, Cell::text(R"({"a":1.50})"), ColumnType::kJson);
  append_json_value(out, Cell::blob("\xff"), ColumnType::kBytes);
  EXPECT_EQ(out, R"(7" 1.10"1.10"NaN"true{"a":1.50}"/w==")");
}

// Of money, of types of extensions.
TEST(CellText, QuotesANumberThatIsNoJson) {
  for (const std::string_view number : {"-$12.34", "12,34 EUR", "1/3", "-", "-Infinity", "01"}) {
    std::string out;
    append_json_value(out, Cell::text(number), ColumnType::kNumber);
    EXPECT_EQ(out, "\"" + std::string(number) + "\"");
  }
}

TEST(CellText, WritesAWholeRowForTheParkedList) {
  const RowShape shape{"seq", {{"id", ColumnType::kText}, {"body", ColumnType::kBytes}, {"at", ColumnType::kTime}}};
  const Cell cells[] = {Cell::text("a\"b"), Cell::blob("\x01\x02"), Cell::null()};
  std::string out;
  append_row_json(out, shape, {17, cells});
  EXPECT_EQ(out, R"({"seq":"17","id":"a\"b","body":{"base64":"AQI="},"at":null})");
}

TEST(CellText, WritesTextThatIsNoUtf8AsBase64) {
  const RowShape shape{"seq", {{"id", ColumnType::kDynamic}}};
  const Cell cells[] = {Cell::text("\xff")};
  std::string out;
  append_row_json(out, shape, {1, cells});
  EXPECT_EQ(out, R"({"seq":"1","id":{"base64":"/w=="}})");
}

TEST(CellText, TellsTheUnitOfANumberByItsMagnitude) {
  for (const std::int64_t number :
       {1'700'000'000LL, 1'700'000'000'000LL, 1'700'000'000'000'000LL, 1'700'000'000'000'000'000LL})
    EXPECT_EQ(time_text(Cell::integer(number)), "2023-11-14T22:13:20.000000Z") << number;
}

TEST(CellText, ReadsTimesAsTextAndTakesUtcForGranted) {
  EXPECT_EQ(time_text(Cell::text("2026-02-03 04:05:06")), "2026-02-03T04:05:06.000000Z");
  EXPECT_EQ(time_text(Cell::text("2026-02-03T04:05:06.1234567Z")), "2026-02-03T04:05:06.123456Z");
  EXPECT_EQ(time_text(Cell::text("2026-02-03T04:05:06+02:00")), "2026-02-03T02:05:06.000000Z");
  EXPECT_EQ(time_text(Cell::text("2026-02-03 04:05:06.5-0130")), "2026-02-03T05:35:06.500000Z");
  EXPECT_EQ(time_text(Cell::text("2026-02-03 04:05:06.5+00")), "2026-02-03T04:05:06.500000Z");
  EXPECT_EQ(time_text(Cell::text("2026-02-03")), "2026-02-03T00:00:00.000000Z");
}

TEST(CellText, RefusesWhatIsNoTime) {
  for (const char* text : {"", "now", "2026-02-30 00:00:00", "2026-02-03 24:00:00", "2026-02-03T04:05:06.", "26-02-03",
                           "2026-02-03 04:05:06 CET", "0000-01-01 00:00:00"})
    EXPECT_EQ(time_text(Cell::text(text)), "none") << text;
  EXPECT_EQ(time_text(Cell::time(std::numeric_limits<std::int64_t>::max())), "none");
  EXPECT_EQ(time_text(Cell::blob("2026-02-03")), "none");
}

}  // namespace
}  // namespace penstock::outbox
