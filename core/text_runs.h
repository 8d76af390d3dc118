// Steps through text: how far nothing needs a look, and how long a character is. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace penstock {

// The first byte from `at` on that can't stand for itself between the quotes of a JSON string without a look: a
// quote, a backslash, a control character, or one beyond ASCII. The size of the text where there is none.
std::size_t find_special(std::string_view text, std::size_t at);

// Length of the UTF-8 sequence that starts at `at` (RFC 3629); 0 when it is none.
std::size_t utf8_length(std::string_view text, std::size_t at);

}  // namespace penstock
