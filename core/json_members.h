// The members of a JSON object, one by one, as they are written.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

struct JsonMember {
  enum class Is { kNull, kString, kNumber, kBoolean, kObject, kArray } is = Is::kNull;
  std::string name;       // without its quotes and escapes
  std::string_view text;  // as it is written, a view into the object
};

// In their order, repeated names too. nullopt when `object` is no JSON object.
std::optional<std::vector<JsonMember>> json_members(std::string_view object);

// The characters of a string member.
std::string json_string(const JsonMember& member);

}  // namespace penstock
