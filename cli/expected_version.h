// Reading what --expected-version names.
#pragma once

#include <optional>
#include <string_view>

#include "store/event_store.h"

namespace penstock::cli {

// any, none, exists or a number; nullopt for anything else.
std::optional<store::ExpectedVersion> parse_expected_version(std::string_view word);

}  // namespace penstock::cli
