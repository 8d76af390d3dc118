// Where a source stands that keeps its rows, as the words of its checkpoint. Pure.
//
// With numbers alone it is what is not settled: `5,8..9,11..` after everything but 5, 8, 9 and what lies
// beyond 10 was settled. With transactions it is the last settled row, `xid 734:1001`.
//
// Behind the numbers stands a witness, a row that was settled: `11.. seen 10 4b3c…`. While it is in the table with
// that id, its numbers mean what they meant.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/outbox/low_mark.h"

namespace penstock::outbox {

struct Witness {
  std::int64_t number;
  std::string id;  // as text
  bool operator==(const Witness&) const = default;
};

std::string words_of(std::span<const NumberRange> unsettled, const std::optional<Witness>& witness = {});
std::string words_of(const XidPlace& place);

// nullopt for words of another kind, or none at all.
std::optional<std::vector<NumberRange>> parse_ranges(std::string_view words);
std::optional<Witness> parse_witness(std::string_view words);
std::optional<XidPlace> parse_xid_place(std::string_view words);

// nullopt for an id that words can't hold: too long, or not printable.
std::optional<Witness> witness_of(std::int64_t number, std::string_view id);

}  // namespace penstock::outbox
