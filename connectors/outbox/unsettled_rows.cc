#include "connectors/outbox/unsettled_rows.h"

namespace penstock::outbox {

void UnsettledRows::remember(std::span<const RowKey> rows) {
  forget();
  for (RowKey row : rows) {
    row.id.bytes = ids_.emplace_back(row.id.bytes);
    rows_.push_back(row);
  }
}

void UnsettledRows::forget() {
  rows_.clear();
  ids_.clear();
}

void UnsettledRows::forget(std::size_t count) {
  rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(count));
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace penstock::outbox
