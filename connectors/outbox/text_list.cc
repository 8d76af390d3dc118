#include "connectors/outbox/text_list.h"

#include <algorithm>
#include <cctype>

#include "core/json_pointer.h"
#include "core/json_text.h"

namespace penstock::outbox {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// Walks over a list from the front. Each step says nothing where the text is not what it should be.
class Walker {
 public:
  explicit Walker(std::string_view text) : rest_(text) { skip_blanks(); }

  bool at_end() const { return rest_.empty(); }
  bool looks_at(char c) const { return rest_.starts_with(c); }
  bool take(char c) {
    if (!looks_at(c)) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }
  // From its opening quote to its closing one; a backslash takes the meaning of what follows.
  std::optional<std::string_view> quoted() {
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\')
        ++i;
      else if (rest_[i] == '"')
        return take_front(i + 1);
    }
    return std::nullopt;
  }
  // What stands without quotes, up to what ends it.
  std::string_view bare(std::string_view ends) {
    const std::string_view found = take_front(std::min(rest_.find_first_of(ends), rest_.size()));
    return found.substr(0, found.find_last_not_of(kBlanks) + 1);
  }

 private:
  std::string_view take_front(std::size_t bytes) {
    const std::string_view front = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    skip_blanks();
    return front;
  }
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size())); }

  std::string_view rest_;
};

using Element = std::optional<std::string>;

// `[1:2]=` stands before an array whose numbers don't begin at 1.
std::string_view without_bounds(std::string_view text) {
  const auto equals = text.find('=');
  if (!text.starts_with('[') || equals == std::string_view::npos) return text;
  return text.find_first_not_of("[]:+-0123456789") == equals ? text.substr(equals + 1) : text;
}

bool is_null_word(std::string_view text) {
  return text.size() == 4 && std::ranges::equal(text, std::string_view("null"), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == b;
         });
}

std::string without_backslashes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) plain += text[i] == '\\' ? text[++i] : text[i];
  return plain;
}

bool read_array_element(Walker& walker, Element& element) {
  if (walker.looks_at('"')) {
    const auto quoted = walker.quoted();
    if (!quoted) return false;
    element = without_backslashes(quoted->substr(1, quoted->size() - 2));
    return true;
  }
  const std::string_view bare = walker.bare(",}");
  if (bare.empty() || bare.find_first_of("{\"\\") != std::string_view::npos) return false;
  if (!is_null_word(bare)) element = bare;
  return true;
}

bool read_json_element(Walker& walker, Element& element) {
  if (!walker.looks_at('"')) return walker.bare(",]") == "null";
  const auto quoted = walker.quoted();
  if (!quoted) return false;
  element = text_of_json(*quoted);
  return element.has_value();
}

std::optional<TextList> read_list(Walker walker, char open, char close, bool (*read_element)(Walker&, Element&)) {
  TextList list;
  if (!walker.take(open)) return std::nullopt;
  for (bool first = true; !walker.take(close); first = false) {
    if (!first && !walker.take(',')) return std::nullopt;
    if (!read_element(walker, list.emplace_back())) return std::nullopt;
  }
  return walker.at_end() ? std::optional(std::move(list)) : std::nullopt;
}

}  // namespace

std::optional<TextList> parse_text_list(std::string_view text) {
  const bool is_json_array = Walker(text).looks_at('[') && is_json(text);
  if (is_json_array) return read_list(Walker(text), '[', ']', read_json_element);
  return read_list(Walker(without_bounds(text)), '{', '}', read_array_element);
}

void append_members(std::string& out, const TextList& names, const TextList& values) {
  out += '{';
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, *names[i]);
    out += ':';
    if (values[i])
      append_json_string(out, *values[i]);
    else
      out += "null";
  }
  out += '}';
}

}  // namespace penstock::outbox
