#include "connectors/outbox/harvest.h"

#include <algorithm>
#include <utility>

namespace penstock::outbox {

Harvest::Harvest(RowMapping& mapping, std::size_t id_column, Nameless nameless, std::span<const std::int64_t> in_flight,
                 std::size_t most_rows)
    : mapping_(mapping), id_column_(id_column), nameless_(nameless), in_flight_(in_flight) {
  builder_.reserve(most_rows);
  found_.reserve(most_rows);
  numbers_.reserve(most_rows);
}

void Harvest::whole_row(const Row& row) {
  if (is_reread(row.number)) return;
  auto malformed = mapping_.map(row, builder_);
  const Cell& id = row.cells[id_column_];
  const bool stays = id.is == Cell::Is::kNull && nameless_ == Nameless::kStays;
  const auto then = stays ? RowsInFlight::Then::kKeep : RowsInFlight::Then::kSettle;
  found_.push_back({{row.number, id, row.xid}, then, std::move(malformed)});
  numbers_.push_back(row.number);
}

void Harvest::large_row(const Row& row, const RowSize& size, std::optional<std::string_view> key) {
  if (is_reread(row.number)) return;
  // What has a place is settled by it; what has only a number, and an id that was not fetched, stays.
  const auto then = row.place.empty() ? RowsInFlight::Then::kKeep : RowsInFlight::Then::kSettle;
  found_.push_back({{row.number, Cell::null(), row.xid}, then, mapping_.by_reference(row, size, key)});
  numbers_.push_back(row.number);
}

bool Harvest::is_reread(std::int64_t number) {
  if (in_flight_.empty() || number > in_flight_.back() || !std::ranges::binary_search(in_flight_, number)) return false;
  ++rereads_;
  return true;
}

}  // namespace penstock::outbox
