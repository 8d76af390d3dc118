#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <ostream>

namespace penstock::cli {
namespace {

// Letters, as far as UTF-8 tells: continuation bytes take no room.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

constexpr std::size_t kWidest = 80;  // no name of a route and no claim of `store check` is cut

void cut(std::string& text) {
  std::size_t letters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++letters < kWidest) continue;
    if (width_of(std::string_view(text).substr(i)) > 1) text.replace(i, std::string::npos, "…");
    return;
  }
}

std::string_view escape_of(Tint tint) {
  switch (tint) {
    case Tint::kNone: return "";
    case Tint::kGood: return "\x1b[32m";
    case Tint::kWarning: return "\x1b[33m";
    case Tint::kBad: return "\x1b[31m";
    case Tint::kFaint: return "\x1b[2m";
  }
  return "";
}

}  // namespace

std::string Palette::paint(std::string_view text, Tint tint) const {
  if (use_ == Use::kPlain || tint == Tint::kNone) return std::string(text);
  return std::string(escape_of(tint)).append(text).append("\x1b[0m");
}

Palette palette_for(int descriptor, Colour wish, std::string_view no_color) {
  const bool wanted =
      wish == Colour::kAlways || (wish == Colour::kAuto && no_color.empty() && ::isatty(descriptor) == 1);
  return Palette(wanted ? Palette::Use::kColours : Palette::Use::kPlain);
}

void TextTable::add(std::vector<Cell> row) {
  for (std::size_t i = 0; i + 1 < row.size(); ++i) cut(row[i].text);
  rows_.push_back(std::move(row));
}

void TextTable::print(std::ostream& out, const Palette& palette) {
  const bool first = widths_.empty();
  if (first) std::ranges::transform(header_, std::back_inserter(widths_), width_of);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], width_of(row[i].text));
  }
  const auto line = [&](const auto& cells, auto&& text_of, auto&& tint_of) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      text += palette.paint(text_of(cells[i]), tint_of(cells[i]));
      if (i + 1 < cells.size()) text.append(widths_[i] - width_of(text_of(cells[i])) + 2, ' ');
    }
    out << text << '\n';
  };
  if (first)
    line(
        header_, [](const std::string& title) -> const std::string& { return title; },
        [](const std::string&) { return Tint::kFaint; });
  for (const auto& row : rows_) {
    line(
        row, [](const Cell& cell) -> const std::string& { return cell.text; },
        [](const Cell& cell) { return cell.tint; });
  }
  rows_.clear();
}

std::string printable(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte >= 0x20 && byte != 0x7F) {
      out.push_back(letter);
      continue;
    }
    out += "\\x";
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 0xF]);
  }
  return out;
}

}  // namespace penstock::cli
