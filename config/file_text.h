// A whole small file as text.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace penstock::config {

// The error says why in the words of the operating system.
tl::expected<std::string, std::string> read_file_text(const std::string& path, std::size_t limit_bytes);

}  // namespace penstock::config
