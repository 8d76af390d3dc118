#include "core/json_pointer.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace penstock {
namespace {

using nlohmann::json;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Walks over JSON text from the front. Each step returns false where the text is not what it should be.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) { skip_blanks(); }

  char front() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (front() != c) return false;
    ++at_;
    skip_blanks();
    return true;
  }
  // A whole value, however deep, as it is written.
  std::optional<std::string_view> value() {
    const std::size_t first = at_;
    std::size_t depth = 0;
    do {
      const char c = front();
      if (c == '"') {
        if (!skip_string()) return std::nullopt;
      } else if (c == '{' || c == '[') {
        ++depth, ++at_;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return std::nullopt;
        --depth, ++at_;
      } else if (c == ',' || c == ':' || is_blank(c)) {
        if (depth == 0) return std::nullopt;
        ++at_;
      } else {
        const std::size_t end = std::min(text_.find_first_of(" \t\r\n,:]}", at_), text_.size());
        if (end == at_) return std::nullopt;
        at_ = end;
      }
    } while (depth > 0);
    const std::string_view found = text_.substr(first, at_ - first);
    skip_blanks();
    return found;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  bool skip_string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\')
        ++at_;
      else if (text_[at_] == '"')
        return ++at_, true;
    }
    return false;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<std::string_view> member_of(std::string_view object, std::string_view name) {
  Walker walker(object);
  std::optional<std::string_view> found;
  if (!walker.take('{') || walker.front() == '}') return found;
  do {
    const auto key = walker.value();
    if (!key || !walker.take(':')) return std::nullopt;
    const auto value = walker.value();
    if (!value) return std::nullopt;
    const bool plain = key->size() >= 2 && key->find('\\') == std::string_view::npos;
    if (plain ? key->substr(1, key->size() - 2) == name : text_of_json(*key) == name) found = value;
  } while (walker.take(','));
  return found;
}

std::optional<std::string_view> element_of(std::string_view array, std::string_view index) {
  std::size_t wanted = 0;
  const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), wanted);
  const bool canonical = index == "0" || !index.starts_with('0');
  if (error != std::errc() || end != index.data() + index.size() || !canonical) return std::nullopt;
  Walker walker(array);
  if (!walker.take('[') || walker.front() == ']') return std::nullopt;
  for (std::size_t i = 0;; ++i) {
    const auto value = walker.value();
    if (!value || i == wanted) return value;
    if (!walker.take(',')) return std::nullopt;
  }
}

std::string unescaped(std::string_view part) {
  std::string name;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '~' && i + 1 < part.size())
      name += part[++i] == '1' ? '/' : '~';
    else
      name += part[i];
  }
  return name;
}

}  // namespace

bool is_json_pointer(std::string_view text) {
  if (!text.empty() && text.front() != '/') return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return false;
  return true;
}

std::optional<std::string_view> find_by_pointer(std::string_view json, std::string_view pointer) {
  auto found = Walker(json).value();
  while (found && !pointer.empty()) {
    const auto end = std::min(pointer.find('/', 1), pointer.size());
    const std::string name = unescaped(pointer.substr(1, end - 1));
    pointer.remove_prefix(end);
    found = found->starts_with('[') ? element_of(*found, name) : member_of(*found, name);
  }
  return found;
}

std::optional<std::string> text_of_json(std::string_view value) {
  if (value == "null") return std::nullopt;
  if (!value.starts_with('"')) return std::string(value);
  if (value.size() >= 2 && value.ends_with('"') && value.find('\\') == std::string_view::npos)
    return std::string(value.substr(1, value.size() - 2));
  const json parsed = json::parse(value.begin(), value.end(), nullptr, false);
  if (!parsed.is_string()) return std::nullopt;
  return parsed.get<std::string>();
}

}  // namespace penstock
