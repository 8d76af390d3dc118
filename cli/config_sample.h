// The file that `penstock config init` prints: every key with its meaning, those that must be set with
// a value to change, the others as comments with their defaults.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace penstock::cli {

// From a source of this kind through the store to sinks of these kinds; no sink named = the console.
// The error names a kind that there isn't.
tl::expected<std::string, std::string> make_config_sample(const std::string& source_kind,
                                                          std::vector<std::string> sink_kinds);

}  // namespace penstock::cli
