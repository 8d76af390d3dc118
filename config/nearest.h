// The known name that a mistyped one was most likely meant to be.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::config {

// Empty when none is near enough: at most a third of the letters differ, a swap counting as one.
std::string_view nearest_name(std::string_view typed, std::span<const std::string_view> known);

// "(expected one of a, b; did you mean `a`?)": the end of a message about a wrong name.
std::string expectation(std::string_view typed, std::span<const std::string_view> known);

}  // namespace penstock::config
