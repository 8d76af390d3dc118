// The entry that a line of an archive is, in either style: each line says what it is.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "store/archive/entries.h"

namespace penstock::store::archive {

// What is wrong with a line, and at which byte of it, from 1.
struct LineFault {
  std::size_t column;
  std::string words;
};

// `line` without its line feed. What a row points to is put into `memory`.
tl::expected<Entry, LineFault> parse_line(std::string_view line, EventBatchBuilder& memory);

}  // namespace penstock::store::archive
