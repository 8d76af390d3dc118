#include "config/toml_text.h"

#include <algorithm>

namespace penstock::config {
namespace {

bool is_bare(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         letter == '_' || letter == '-';
}

void append_escaped(std::string& out, char letter) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(letter);
  if (letter == '"' || letter == '\\') {
    out.push_back('\\');
    out.push_back(letter);
  } else if (letter == '\n') {
    out += "\\n";
  } else if (letter == '\t') {
    out += "\\t";
  } else if (byte < 0x20 || byte == 0x7F) {
    out += "\\u00";
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 0xF]);
  } else {
    out.push_back(letter);
  }
}

}  // namespace

std::string toml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char letter : text) append_escaped(out, letter);
  return out += '"';
}

std::string key_text(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, is_bare) ? std::string(key) : toml_quoted(key);
}

}  // namespace penstock::config
