// The reference of all keys as Markdown, from the same rows that the parser reads.
#pragma once

#include <string>

#include "config/declarations.h"

namespace penstock::config {

std::string reference_page(const Declarations& declarations);

}  // namespace penstock::config
