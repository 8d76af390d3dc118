#include "core/json_slices.h"

#include "core/text_runs.h"

namespace penstock {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Walks over JSON text from the front; each step is false where the text is not what it should be, and the
// fault then says what and where.
class Scanner {
 public:
  Scanner(std::string_view text, std::size_t deepest) : text_(text), deepest_(deepest) {}

  std::size_t at() const { return at_; }
  const JsonFault& fault() const { return fault_; }
  // Whether every escape that it went over stands for a character.
  bool is_text() const { return !has_half_; }
  bool at_end() const { return at_ == text_.size(); }
  std::string_view since(std::size_t first) const { return text_.substr(first, at_ - first); }

  void skip_blanks() {
    while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }
  bool looks_at(char c) const { return !at_end() && text_[at_] == c; }
  bool take(char c, std::string_view words) {
    if (!looks_at(c)) return refuse(words);
    ++at_;
    return true;
  }
  bool refuse(std::string_view words) {
    fault_ = {at_, words};
    return false;
  }

  // From its opening quote to its closing one.
  bool string() {
    if (!take('"', "a string is missing")) return false;
    for (;;) {
      at_ = find_special(text_, at_);
      if (at_end()) return refuse("a string has no end");
      const char c = text_[at_];
      if (c == '"') return ++at_, true;
      if (static_cast<unsigned char>(c) < 0x20) return refuse("a control character stands in a string");
      if (c == '\\') {
        if (!escape()) return false;
        continue;
      }
      const std::size_t length = utf8_length(text_, at_);
      if (length == 0) return refuse("this is not UTF-8");
      at_ += length;
    }
  }

  // A whole value, however deep.
  bool value() {
    open_.clear();
    for (;;) {
      if (looks_at('{') || looks_at('[')) {
        const bool is_object = looks_at('{');
        if (open_.size() == deepest_) return refuse("the nesting is too deep");
        ++at_;
        skip_blanks();
        if (!looks_at(is_object ? '}' : ']')) {
          open_.push_back(is_object ? '}' : ']');
          if (is_object && !name()) return false;
          continue;
        }
        ++at_;
      } else if (!scalar()) {
        return false;
      }
      if (!close()) return false;
      if (open_.empty()) return true;
    }
  }

  // The name of a member and its colon.
  bool name() {
    if (!string()) return false;
    skip_blanks();
    if (!take(':', "a colon is missing")) return false;
    skip_blanks();
    return true;
  }

 private:
  // Behind a value: ends what ends here, up to where the next value begins.
  bool close() {
    while (!open_.empty()) {
      skip_blanks();
      if (looks_at(',')) {
        ++at_;
        skip_blanks();
        return open_.back() == ']' || name();
      }
      if (!take(open_.back(), "a comma or a closing bracket is missing")) return false;
      open_.pop_back();
    }
    return true;
  }

  bool scalar() {
    if (looks_at('"')) return string();
    for (const std::string_view word : {"true", "false", "null"}) {
      if (text_.substr(at_).starts_with(word)) return at_ += word.size(), true;
    }
    return number();
  }

  bool number() {
    const auto digits = [this] {
      const std::size_t first = at_;
      while (!at_end() && is_digit(text_[at_])) ++at_;
      return at_ > first;
    };
    if (looks_at('-')) ++at_;
    if (looks_at('0')) {
      ++at_;
    } else if (!digits()) {
      return refuse("a value is missing");
    }
    if (looks_at('.')) {
      ++at_;
      if (!digits()) return refuse("a digit is missing");
    }
    if (looks_at('e') || looks_at('E')) {
      ++at_;
      if (looks_at('+') || looks_at('-')) ++at_;
      if (!digits()) return refuse("a digit is missing");
    }
    return true;
  }

  bool escape() {
    ++at_;
    if (at_end() || std::string_view("\"\\/bfnrtu").find(text_[at_]) == std::string_view::npos)
      return refuse("an escape is unknown");
    if (text_[at_++] != 'u') return true;
    const auto unit = code_unit();
    if (!unit) return false;
    if (!is_half(*unit)) return true;
    // Two of them name a character beyond the first 65,536: first one of the upper half, then one of the lower.
    if (*unit >= kLowerHalf || !text_.substr(at_).starts_with("\\u")) return has_half_ = true;
    at_ += 2;
    const auto second = code_unit();
    if (!second) return false;
    if (!is_half(*second) || *second < kLowerHalf) has_half_ = true;
    return true;
  }

  static constexpr unsigned kLowerHalf = 0xdc00;
  static bool is_half(unsigned unit) { return unit >= 0xd800 && unit < 0xe000; }

  std::optional<unsigned> code_unit() {
    unsigned unit = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_end() || !is_hex_digit(text_[at_])) {
        refuse("a hexadecimal digit is missing");
        return std::nullopt;
      }
      const auto digit = static_cast<unsigned>(text_[at_]);
      unit = unit << 4 | (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    return unit;
  }

  const std::string_view text_;
  const std::size_t deepest_;
  std::size_t at_ = 0;
  std::vector<char> open_;  // what closes the objects and arrays that are open
  JsonFault fault_{0, {}};
  bool has_half_ = false;
};

bool collect(Scanner& scanner, std::vector<JsonSlice>& members) {
  scanner.skip_blanks();
  if (!scanner.take('{', "this is no JSON object")) return false;
  scanner.skip_blanks();
  for (bool first = true; !scanner.looks_at('}'); first = false) {
    if (!first) {
      if (!scanner.take(',', "a comma or a closing bracket is missing")) return false;
      scanner.skip_blanks();
    }
    const std::size_t quote = scanner.at();
    if (!scanner.string()) return false;
    const std::string_view quoted = scanner.since(quote);
    scanner.skip_blanks();
    if (!scanner.take(':', "a colon is missing")) return false;
    scanner.skip_blanks();
    const std::size_t begin = scanner.at();
    if (!scanner.value()) return false;
    members.push_back({quoted.substr(1, quoted.size() - 2), scanner.since(begin)});
    scanner.skip_blanks();
  }
  if (!scanner.take('}', "a closing bracket is missing")) return false;
  scanner.skip_blanks();
  return scanner.at_end() || scanner.refuse("something stands behind the object");
}

}  // namespace

std::optional<JsonFault> slice_object(std::string_view text, std::vector<JsonSlice>& members, std::size_t deepest) {
  members.clear();
  Scanner scanner(text, deepest);
  if (!collect(scanner, members)) return scanner.fault();
  return std::nullopt;
}

JsonProof prove_json(std::string_view text) {
  Scanner scanner(text, text.size());
  scanner.skip_blanks();
  if (!scanner.value()) return JsonProof::kNone;
  scanner.skip_blanks();
  if (!scanner.at_end()) return JsonProof::kNone;
  return scanner.is_text() ? JsonProof::kJson : JsonProof::kHalfCharacters;
}

bool is_json_on_one_line(std::string_view text) {
  if (text.find_first_of("\r\n") != std::string_view::npos) return false;
  Scanner scanner(text, kDeepestLine);
  return scanner.value() && scanner.at_end();
}

}  // namespace penstock
