// What conditions ask about the log: most of it before the head is locked, the rest under the lock.
#include <algorithm>

#include "store/postgres/appender.h"
#include "store/store_faults.h"

namespace penstock::store::postgres {
namespace {

// Positions that are looked at under the lock of the head without a look ahead: about a millisecond.
constexpr std::int64_t kNear = 1'000;

}  // namespace

// There may be millions of events to walk over, and whoever appends waits for the head. What is below it is
// committed and never changes, so that it can be looked at beforehand; under the lock only what came since is new.
Status Appender::look_ahead(Requests requests) {
  for (const AppendRequest* request : requests) {
    if (!request->condition || looked_ahead_.contains(request)) continue;
    const auto& [query, after] = *request->condition;
    if (head_.known().value - after.value <= kNear) continue;
    auto head = session_->run(statements_.head, {}, Deadline::in(kStatement), stop_.get_token());
    if (!head) return fail(std::move(head.error()));
    if (head->empty()) return fail(row_of_head_gone());
    auto found = matches_.find(*session_, query, after, Deadline::in(kStatement), stop_.get_token());
    if (!found) return fail(std::move(found.error()));
    looked_ahead_.emplace(request, LookedAhead{Position{head->integer(0, 0)}, *found});
  }
  return {};
}

Status Appender::look_for_violations(const std::vector<const AppendRequest*>& requests, AppendFacts& facts) {
  for (const AppendRequest* request : requests) {
    if (!request->condition) continue;
    Position after = request->condition->after;
    if (const auto ahead = looked_ahead_.find(request); ahead != looked_ahead_.end()) {
      if (ahead->second.violation) {
        facts.violations.emplace(request, *ahead->second.violation);
        continue;
      }
      after = std::max(after, ahead->second.until);
    }
    auto found =
        matches_.find(*session_, request->condition->query, after, Deadline::in(kStatement), stop_.get_token());
    if (!found) return fail(std::move(found.error()));
    if (*found) facts.violations.emplace(request, **found);
  }
  return {};
}

}  // namespace penstock::store::postgres
