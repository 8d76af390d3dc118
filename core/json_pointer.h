// Values inside of JSON text, found by a pointer (RFC 6901) and never parsed and written again: what is
// found is a piece of the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock {

// Empty, or parts that each begin with `/`, in which `~` stands only before 0 and 1.
bool is_json_pointer(std::string_view text);

// The value that `pointer` names in `json`, as it is written; of several members of one name the last one.
// nullopt when there is none. `json` must be JSON (is_json()); of anything else the answer is some part of it,
// or none.
std::optional<std::string_view> find_by_pointer(std::string_view json, std::string_view pointer);

// A string's own characters, any other value as it is written; nullopt for null, and for a string that holds
// what is no character.
std::optional<std::string> text_of_json(std::string_view value);

}  // namespace penstock
