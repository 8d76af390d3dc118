// Writing values as TOML, for `config show` and `config init`.
#pragma once

#include <string>
#include <string_view>

namespace penstock::config {

// A basic string with its quotes.
std::string toml_quoted(std::string_view text);

// A key: bare where it can be, else quoted.
std::string key_text(std::string_view key);

}  // namespace penstock::config
