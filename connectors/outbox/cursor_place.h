// Where a source stands that keeps its rows, as the words of its checkpoint. Pure.
//
// With numbers alone it is what is not settled: `5,8..9,11..` after everything but 5, 8, 9 and what lies
// beyond 10 was settled. With transactions it is the last settled row, `xid 734:1001`.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/outbox/low_mark.h"

namespace penstock::outbox {

std::string words_of(std::span<const NumberRange> unsettled);
std::string words_of(const XidPlace& place);

// nullopt for words of another kind, or none at all.
std::optional<std::vector<NumberRange>> parse_ranges(std::string_view words);
std::optional<XidPlace> parse_xid_place(std::string_view words);

}  // namespace penstock::outbox
