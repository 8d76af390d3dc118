// Text of foreign origin as the value of a label.
#pragma once

#include <string>
#include <string_view>

namespace penstock::api {

// Longest value of a label that somebody else chose.
inline constexpr std::size_t kLongestLabel = 64;

// Whole UTF-8 characters of `text`, at most kLongestLabel bytes. What is no character, and control characters, become
// question marks: one wrong byte would make a scraper refuse the whole answer.
std::string label_text(std::string_view text);

}  // namespace penstock::api
