#include <utility>

#include "tests/support/memory/parts.h"

namespace penstock::tests {

Status MemoryParts::States::report(const std::vector<store::RouteState>& reported) {
  return parts.perform(StoreCall::kReportStates, [&](MemoryDatabase& db) -> Status {
    for (store::RouteState state : reported) {
      state.updated_at = db.clock_.wall_now();
      state.reporting = store::RouteState::Reporting::kNow;
      db.states_[{state.route, state.instance}] = std::move(state);
    }
    std::erase_if(db.states_, [oldest = db.clock_.wall_now() - store::kRouteStateKept](const auto& row) {
      return row.second.updated_at < oldest;
    });
    return {};
  });
}

Result<std::vector<store::RouteState>> MemoryParts::States::list() {
  return parts.perform(StoreCall::kListStates, [](MemoryDatabase& db) -> Result<std::vector<store::RouteState>> {
    std::vector<store::RouteState> found;
    for (const auto& [key, state] : db.states_) {
      found.push_back(state);
      if (db.clock_.wall_now() - state.updated_at > store::kRouteStateStale)
        found.back().reporting = store::RouteState::Reporting::kStale;
    }
    return found;
  });
}

}  // namespace penstock::tests
