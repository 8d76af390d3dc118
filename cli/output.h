// How results are printed: tables for people, JSON for programs. Results go to standard output, talk
// goes to standard error.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

enum class OutputFormat { kTable, kJson, kJsonLines };

enum class Colour { kAuto, kAlways, kNever };

// Colours of a terminal; plain text where there is none.
enum class Tint { kNone, kGood, kWarning, kBad, kFaint };

class Palette {
 public:
  enum class Use { kColours, kPlain };
  explicit Palette(Use use = Use::kPlain) : use_(use) {}
  std::string paint(std::string_view text, Tint tint) const;

 private:
  Use use_;
};

// Colours if they are asked for, or if `descriptor` is a terminal and NO_COLOR is unset.
Palette palette_for(int descriptor, Colour wish, std::string_view no_color);

// Columns of equal width, each row on a line. A text that would push the columns behind it out of sight is
// cut, but for the last column; JSON always has all of it.
class TextTable {
 public:
  struct Cell {
    Cell(std::string words, Tint colour = Tint::kNone) : text(std::move(words)), tint(colour) {}
    Cell(const char* words) : text(words) {}
    std::string text;
    Tint tint = Tint::kNone;
  };

  explicit TextTable(std::vector<std::string> header) : header_(std::move(header)) {}
  void add(std::vector<Cell> row);
  // Prints the rows added since the last call, the first time under the header line.
  void print(std::ostream& out, const Palette& palette);

 private:
  std::vector<std::string> header_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<Cell>> rows_;
};

// Text of foreign origin for a terminal: control characters become escapes.
std::string printable(std::string_view text);

}  // namespace penstock::cli
