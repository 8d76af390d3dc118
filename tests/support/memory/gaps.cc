#include "tests/support/memory/parts.h"

namespace penstock::tests {

Result<std::int64_t> MemoryParts::Gaps::record(const store::GapRecord& gap) {
  return parts.perform(StoreCall::kRecordGap, [&](MemoryDatabase& db) -> Result<std::int64_t> {
    for (const store::GapRecord& known : db.gaps_)
      if (known.of == gap.of && known.route == gap.route && known.reason == gap.reason && known.from == gap.from &&
          known.to == gap.to && known.events == gap.events)
        return known.number;
    store::GapRecord& added = db.gaps_.emplace_back(gap);
    added.number = static_cast<std::int64_t>(db.gaps_.size());
    added.recorded_at = db.clock_.wall_now();
    added.acknowledged_by.clear();
    return added.number;
  });
}

Result<std::vector<store::GapRecord>> MemoryParts::Gaps::list(std::int64_t after, std::size_t limit) {
  return parts.perform(StoreCall::kReadGaps, [&](MemoryDatabase& db) -> Result<std::vector<store::GapRecord>> {
    std::vector<store::GapRecord> found;
    for (const store::GapRecord& gap : db.gaps_)
      if (gap.number > after && found.size() < limit) found.push_back(gap);
    return found;
  });
}

Result<std::optional<store::GapRecord>> MemoryParts::Gaps::find(std::int64_t number) {
  return parts.perform(StoreCall::kReadGaps, [&](MemoryDatabase& db) -> Result<std::optional<store::GapRecord>> {
    if (number < 1 || number > static_cast<std::int64_t>(db.gaps_.size())) return std::nullopt;
    return db.gaps_[static_cast<std::size_t>(number - 1)];
  });
}

Result<std::optional<store::GapRecord>> MemoryParts::Gaps::find_open(std::string_view route) {
  return parts.perform(StoreCall::kReadGaps, [&](MemoryDatabase& db) -> Result<std::optional<store::GapRecord>> {
    for (const store::GapRecord& gap : db.gaps_)
      if (gap.of == store::GapRecord::Of::kRoute && gap.route == route && gap.acknowledged_by.empty()) return gap;
    return std::nullopt;
  });
}

Status MemoryParts::Gaps::acknowledge(std::int64_t number, std::string_view by) {
  return parts.perform(StoreCall::kRecordGap, [&](MemoryDatabase& db) -> Status {
    if (number < 1 || number > static_cast<std::int64_t>(db.gaps_.size()))
      return fail(codes::kStoreNoSuchGap, "there is no gap " + std::to_string(number));
    auto& gap = db.gaps_[static_cast<std::size_t>(number - 1)];
    if (gap.acknowledged_by.empty()) gap.acknowledged_by = by;
    return {};
  });
}

}  // namespace penstock::tests
