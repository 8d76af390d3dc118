#include "core/json_members.h"

#include <nlohmann/json.hpp>

#include "core/json_text.h"

namespace penstock {
namespace {

// Steps over the parts of a text that is known to be JSON.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  char peek() {
    while (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r') ++at_;
    return text_[at_];
  }
  void pass() { ++at_; }

  std::string_view string() {
    const std::size_t first = at_++;
    for (; text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
    return text_.substr(first, at_ - first);
  }

  std::string_view value() {
    const char begin = peek();
    if (begin == '"') return string();
    const std::size_t first = at_;
    if (begin != '{' && begin != '[') {
      while (std::string_view(",}] \t\r\n").find(text_[at_]) == std::string_view::npos) ++at_;
      return text_.substr(first, at_ - first);
    }
    std::size_t depth = 0;
    do {
      const char c = text_[at_];
      if (c == '"') {
        string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    } while (depth > 0);
    return text_.substr(first, at_ - first);
  }

 private:
  const std::string_view text_;
  std::size_t at_ = 0;
};

JsonMember::Is kind_of(char begin) {
  switch (begin) {
    case '"': return JsonMember::Is::kString;
    case '{': return JsonMember::Is::kObject;
    case '[': return JsonMember::Is::kArray;
    case 't':
    case 'f': return JsonMember::Is::kBoolean;
    case 'n': return JsonMember::Is::kNull;
    default: return JsonMember::Is::kNumber;
  }
}

std::string unescaped(std::string_view quoted) {
  if (quoted.find('\\') == std::string_view::npos) return std::string(quoted.substr(1, quoted.size() - 2));
  return nlohmann::json::parse(quoted).get<std::string>();
}

}  // namespace

std::optional<std::vector<JsonMember>> json_members(std::string_view object) {
  if (!is_json_object(object)) return std::nullopt;
  std::vector<JsonMember> members;
  Walk walk(object);
  walk.peek();
  walk.pass();
  while (walk.peek() != '}') {
    if (walk.peek() == ',') walk.pass();
    walk.peek();
    JsonMember& member = members.emplace_back();
    member.name = unescaped(walk.string());
    walk.peek();
    walk.pass();  // the colon
    member.text = walk.value();
    member.is = kind_of(member.text.front());
  }
  return members;
}

std::string json_string(const JsonMember& member) { return unescaped(member.text); }

}  // namespace penstock
