// Sizes as people write them: 1048576, "512B", "64KiB", "16MiB", "1GiB".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::config {

// nullopt for anything else, and for what doesn't fit into 63 bits.
std::optional<std::int64_t> parse_size(std::string_view text);

// The shortest exact form: 16777216 is "16MiB", 1000 is "1000".
std::string format_size(std::int64_t bytes);

}  // namespace penstock::config
