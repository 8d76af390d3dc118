#include <algorithm>

#include "tests/support/memory/parts.h"

namespace penstock::tests {
namespace {

using store::ParkedEvent;

}  // namespace

Status MemoryParts::Parked::park(const std::vector<ParkedEvent>& rows) {
  return parts.perform(StoreCall::kPark, [&](MemoryDatabase& db) -> Status {
    for (const ParkedEvent& row : rows) {
      if (!db.parked_keys_.insert({row.route, row.source, row.source_key, digest_of(row)}).second) continue;
      ParkedEvent& added = db.parked_.emplace_back(row);
      added.number = static_cast<std::int64_t>(db.parked_.size());
      added.parked_at = db.clock_.wall_now();
    }
    return {};
  });
}

Result<std::vector<ParkedEvent>> MemoryParts::Parked::list(std::string_view route, std::int64_t after,
                                                           std::size_t limit) {
  return parts.perform(StoreCall::kReadParked, [&](MemoryDatabase& db) -> Result<std::vector<ParkedEvent>> {
    std::vector<ParkedEvent> found;
    for (const ParkedEvent& row : db.parked_) {
      if (found.size() == limit) break;
      if (row.number <= after || (!route.empty() && row.route != route)) continue;
      found.push_back(row);
      found.back().content.clear();
    }
    return found;
  });
}

Result<std::optional<ParkedEvent>> MemoryParts::Parked::find(std::int64_t number) {
  return parts.perform(StoreCall::kReadParked, [&](MemoryDatabase& db) -> Result<std::optional<ParkedEvent>> {
    if (number < 1 || number > static_cast<std::int64_t>(db.parked_.size())) return std::nullopt;
    return db.parked_[static_cast<std::size_t>(number - 1)];
  });
}

Result<std::vector<std::string>> MemoryParts::Parked::kept_by_reference(std::string_view route,
                                                                        std::string_view source) {
  return parts.perform(StoreCall::kReadParked, [&](MemoryDatabase& db) -> Result<std::vector<std::string>> {
    std::vector<std::string> keys;
    for (const ParkedEvent& row : db.parked_) {
      if (row.kept == ParkedEvent::Kept::kByReference && row.route == route && row.source == source)
        keys.push_back(row.source_key);
    }
    return keys;
  });
}

Result<std::uint64_t> MemoryParts::Parked::count(std::string_view route) {
  return parts.perform(StoreCall::kReadParked, [&](MemoryDatabase& db) -> Result<std::uint64_t> {
    return static_cast<std::uint64_t>(std::count_if(db.parked_.begin(), db.parked_.end(), [&](const ParkedEvent& row) {
      return route.empty() || row.route == route;
    }));
  });
}

}  // namespace penstock::tests
