#include "store/dropping.h"

#include <algorithm>

namespace penstock::store {
namespace {

constexpr std::size_t kDroppedAtOnce = 50'000;

using RoutesBehind = std::vector<std::pair<std::string, Position>>;

Result<RoutesBehind> routes_behind(Store& store, Position floor) {
  const auto checkpoints = store.checkpoints().list();
  if (!checkpoints) return fail(checkpoints.error());
  RoutesBehind behind;
  for (const auto& [route, checkpoint] : *checkpoints)
    if (checkpoint.position < floor) behind.emplace_back(route, checkpoint.position);
  return behind;
}

Result<std::vector<EventId>> ids_between(EventLog& log, Position after, Position until) {
  std::vector<EventId> ids;
  while (after < until && ids.size() < kMostNamed) {
    const auto page = log.read_after(after, {}, {});
    if (!page) return fail(page.error());
    if (page->reached == after) break;
    for (const Event& event : page->events->events())
      if (*event.position <= until && ids.size() < kMostNamed) ids.push_back(event.id);
    after = page->reached;
  }
  return ids;
}

// `begin`: the floor as it is.
Result<std::int64_t> record_loss(Store& store, const std::string& route, Position checkpoint, Position begin,
                                 Position floor) {
  const auto known = find_dropped(store.gaps(), route, checkpoint, floor);
  if (!known) return fail(known.error());
  if (*known) return (*known)->number;
  const auto before = find_dropped(store.gaps(), route, checkpoint, begin);
  if (!before) return fail(before.error());
  auto ids = ids_between(store.log(), std::max(checkpoint, begin), floor);
  if (!ids) return fail(std::move(ids.error()));
  GapRecord gap;
  gap.route = route;
  gap.reason = codes::kStoreRemoved.name;
  gap.from = (*before ? std::max(checkpoint, begin) : checkpoint).next();
  gap.to = floor;
  gap.events = std::move(*ids);
  return store.gaps().record(gap);
}

}  // namespace

Result<DropPlan> plan_drop(Store& store, Position floor) {
  const auto dropped = store.retention().dropped();
  if (!dropped) return fail(dropped.error());
  const auto head = store.log().head();
  if (!head) return fail(head.error());
  // Routes that are in the way are part of the answer.
  if (auto step = judge_floor(floor, {*head, dropped->floor, {}}, {}); !step) return fail(std::move(step.error()));
  DropPlan plan{dropped->floor, dropped->gone.next(), std::max(floor, dropped->floor), {}};
  auto behind = routes_behind(store, plan.last);
  if (!behind) return fail(std::move(behind.error()));
  plan.behind = std::move(*behind);
  return plan;
}

Result<DropSummary> drop(Store& store, const DropRequest& request,
                         const std::function<void(std::uint64_t events)>& on_progress) {
  const auto begin = store.log().floor(), head = store.log().head();
  if (!begin) return fail(begin.error());
  if (!head) return fail(head.error());
  const auto behind = routes_behind(store, request.floor);
  if (!behind) return fail(behind.error());
  // Judged again under the lock of the head; before it, nothing is put on record for a floor that is refused.
  if (auto step = judge_floor(request.floor, {*head, *begin, *behind}, request.past); !step)
    return fail(std::move(step.error()));
  DropSummary summary;
  for (const auto& [route, checkpoint] : *behind) {
    if (std::ranges::find(request.past, route) == request.past.end()) continue;
    const auto number = record_loss(store, route, checkpoint, *begin, request.floor);
    if (!number) return fail(Error(number.error()).with_context("recording what route " + route + " loses"));
    summary.gaps.push_back(*number);
  }
  if (auto raised = store.retention().raise_floor(request.floor, request.past); !raised)
    return fail(std::move(raised.error()));
  for (auto left = Scavenged::Left::kMore; left == Scavenged::Left::kMore;) {
    const auto done = store.retention().drop(kDroppedAtOnce);
    if (!done)
      return fail(Error(done.error())
                      .with_context("the floor is raised, what lies below is read no more; freeing its "
                                    "space, which the next drop goes on with"));
    summary.events += done->events;
    left = done->left;
    on_progress(summary.events);
  }
  const auto floor = store.log().floor();
  if (!floor) return fail(floor.error());
  summary.floor = *floor;
  return summary;
}

}  // namespace penstock::store
