#include "tests/support/memory/parts.h"

namespace penstock::tests {

Result<store::RouteAttempts> MemoryParts::Attempts::load(std::string_view route) {
  return parts.perform(StoreCall::kReadAttempts, [&](MemoryDatabase& db) -> Result<store::RouteAttempts> {
    const auto found = db.attempts_.find(route);
    return found == db.attempts_.end() ? store::RouteAttempts{} : found->second;
  });
}

Status MemoryParts::Attempts::count_openings(std::string_view route, std::uint32_t openings) {
  return parts.perform(StoreCall::kCountAttempts, [&](MemoryDatabase& db) -> Status {
    db.attempts_[std::string(route)].openings = openings;
    return {};
  });
}

Status MemoryParts::Attempts::count_row(std::string_view route, const store::RowAttempts& row,
                                        std::optional<std::string_view> ended) {
  return parts.perform(StoreCall::kCountAttempts, [&](MemoryDatabase& db) -> Status {
    auto& rows = db.attempts_[std::string(route)].rows;
    if (ended) rows.erase(std::string(*ended));
    rows[std::string(row.row)] = row.attempts;
    if (row.attempts == 0) rows.erase(std::string(row.row));
    return {};
  });
}

Status MemoryParts::Attempts::forget(std::string_view route) {
  return parts.perform(StoreCall::kCountAttempts, [&](MemoryDatabase& db) -> Status {
    db.attempts_.erase(std::string(route));
    return {};
  });
}

}  // namespace penstock::tests
