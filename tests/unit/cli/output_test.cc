#include "cli/output.h"

#include <gtest/gtest.h>

#include <sstream>

#include "cli/json_writer.h"

namespace penstock::cli {
namespace {

TEST(TextTable, AlignsColumnsByLetters) {
  TextTable table({"NAME", "N"});
  table.add({"é", "1"});
  table.add({"long name", "2"});
  std::ostringstream out;
  table.print(out, Palette());
  EXPECT_EQ(out.str(), "NAME       N\né          1\nlong name  2\n");
}

TEST(TextTable, CutsWhatIsTooWideButForTheLastColumn) {
  const std::string whole(80, 'x');
  std::string letters;
  for (int i = 0; i < 81; ++i) letters += "é";
  TextTable table({"A", "B", "C"});
  table.add({whole, letters, std::string(1'000'000, 'y')});
  table.add({std::string(1'000'000, 'z'), "b", "c"});
  std::ostringstream out;
  table.print(out, Palette());
  std::istringstream lines(out.str());
  std::string header, first, second;
  std::getline(lines, header);
  std::getline(lines, first);
  std::getline(lines, second);
  EXPECT_EQ(first, whole + "  " + letters.substr(0, 2 * 79) + "…  " + std::string(1'000'000, 'y'));
  EXPECT_EQ(second, std::string(79, 'z') + "…  b" + std::string(79, ' ') + "  c");
}

TEST(TextTable, PrintsItsHeaderOnce) {
  TextTable table({"N"});
  std::ostringstream out;
  table.add({"1"});
  table.print(out, Palette());
  table.add({"2"});
  table.print(out, Palette());
  EXPECT_EQ(out.str(), "N\n1\n2\n");
}

TEST(Palette, PaintsOnlyWhereColoursAreUsed) {
  EXPECT_EQ(Palette(Palette::Use::kPlain).paint("x", Tint::kBad), "x");
  EXPECT_EQ(Palette(Palette::Use::kColours).paint("x", Tint::kBad), "\x1b[31mx\x1b[0m");
}

TEST(Palette, HonoursNoColorUnlessColoursAreDemanded) {
  EXPECT_EQ(palette_for(0, Colour::kAuto, "1").paint("x", Tint::kGood), "x");
  EXPECT_EQ(palette_for(0, Colour::kNever, "").paint("x", Tint::kGood), "x");
  EXPECT_NE(palette_for(0, Colour::kAlways, "1").paint("x", Tint::kGood), "x");
}

TEST(Printable, EscapesWhatWouldMoveACursor) { EXPECT_EQ(printable("a\x1b[2J\nb\x7f"), "a\\x1b[2J\\x0ab\\x7f"); }

TEST(JsonObject, WritesMembersInOrder) {
  JsonObject object;
  object.text("a", "x\"y").number("b", -3).position("c", Position{17}).null("d").boolean("e", true).raw("f", "[1]");
  EXPECT_EQ(std::move(object).finish(), R"({"a":"x\"y","b":-3,"c":"17","d":null,"e":true,"f":[1]})");
}

TEST(JsonObject, KeepsThreeFractionDigitsAndHasNoInfinity) {
  JsonObject object;
  object.fraction_or_null("a", 1.23456).fraction_or_null("b", 1.0 / 0.0).fraction_or_null("c", std::nullopt);
  EXPECT_EQ(std::move(object).finish(), R"({"a":1.235,"b":null,"c":null})");
}

}  // namespace
}  // namespace penstock::cli
