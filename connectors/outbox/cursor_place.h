// Where a source stands that keeps its rows, as the words of its checkpoint. Pure.
//
// With numbers alone it is what is not settled: `5,8..9,11..` after everything but 5, 8, 9 and what lies
// beyond 10 was settled. With transactions it is the last settled row, `xid 734:1001`.
//
// Behind it stand witnesses, rows that were settled: `11.. seen 10 4b3c… 3 77aa…`. While one is in the table with that
// id, the numbers up to it mean what they meant. Then the last gap record that was acknowledged and passed: `gap 2`.
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

// What stands behind a place.
struct Evidence {
  std::vector<Witness> witnesses;  // the highest first, the others ever further apart
  std::int64_t passed_gap = 0;     // 0: none
  bool operator==(const Evidence&) const = default;
};

std::string words_of(std::span<const NumberRange> unsettled, const Evidence& evidence = {});
std::string words_of(const XidPlace& place, const Evidence& evidence = {});

// nullopt for words of another kind, or none at all.
std::optional<std::vector<NumberRange>> parse_ranges(std::string_view words);
std::optional<XidPlace> parse_xid_place(std::string_view words);
Evidence parse_evidence(std::string_view words);

// nullopt for an id that proves nothing, because it is the number. One that words can't hold (too long, not printable,
// a word of theirs) is told by a hash.
std::optional<Witness> witness_of(std::int64_t number, std::string_view id);

// Adds the witness, unless it is below the highest, and thins out the others: whatever end of the rows is lost, the
// highest of those that are left is not many times as far below it.
void add_witness(std::vector<Witness>& witnesses, Witness witness);

}  // namespace penstock::outbox
