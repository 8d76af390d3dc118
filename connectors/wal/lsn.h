// Places in a server's write-ahead log, and the place of one event among them. Pure values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"

namespace penstock::wal {

// A byte position in the log. 0 = none.
using Lsn = StrongNumber<struct LsnTag, std::uint64_t>;

// As Postgres writes it: 16/B374D848.
std::string to_string(Lsn lsn);
// Both halves in hexadecimal digits; nullopt for anything else.
std::optional<Lsn> parse_lsn(std::string_view text);

// The same number where places of any source are kept, and back.
constexpr Position position_of(Lsn lsn) { return Position{static_cast<std::int64_t>(lsn.value)}; }
constexpr Lsn lsn_of(Position position) { return Lsn{static_cast<std::uint64_t>(position.value)}; }

// Which event of the log: the end of its transaction's commit record, and its number in that
// transaction, from 1. Events of one transaction share the first half.
struct WalPosition {
  Lsn commit_end;
  std::uint64_t index = 0;
  auto operator<=>(const WalPosition&) const = default;
};

// "16/B374D848:3"
std::string to_string(const WalPosition& position);
void append_text(std::string& out, const WalPosition& position);

// How far a source has settled: every transaction that ends at or before `settled`, and the first
// `partial.index` events of the one that ends at `partial.commit_end`, if that lies beyond.
struct Progress {
  Lsn settled;
  WalPosition partial;
  auto operator<=>(const Progress&) const = default;
  // Nothing behind it has been settled.
  Lsn furthest() const { return std::max(settled, partial.commit_end); }
};

// "16/B374D800", or "16/B374D800 16/B374D848:3".
std::string to_string(const Progress& progress);
std::optional<Progress> parse_progress(std::string_view text);

}  // namespace penstock::wal
