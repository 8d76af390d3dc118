#include "store/gaps.h"

#include <algorithm>

namespace penstock::store {
namespace {

constexpr std::size_t kPage = 100;

}  // namespace

Status visit_gaps(Gaps& gaps, const std::function<Result<VisitGaps>(GapRecord&)>& visit) {
  for (std::int64_t after = 0;;) {
    auto page = gaps.list(after, kPage);
    if (!page) return fail(std::move(page.error()));
    for (GapRecord& gap : *page) {
      after = gap.number;
      const auto next = visit(gap);
      if (!next) return fail(next.error());
      if (*next == VisitGaps::kEnough) return {};
    }
    if (page->size() < kPage) return {};
  }
}

// A floor only rises, so that records follow each other in the order of their numbers.
Result<std::optional<GapRecord>> find_dropped(Gaps& gaps, std::string_view route, Position after, Position until) {
  Position covered = after;
  std::optional<GapRecord> last;
  auto visited = visit_gaps(gaps, [&](GapRecord& gap) -> Result<VisitGaps> {
    if (gap.of != GapRecord::Of::kRoute || gap.route != route || gap.reason != codes::kStoreRemoved.name)
      return VisitGaps::kGoOn;
    if (gap.from <= covered.next()) covered = std::max(covered, gap.to);
    if (covered < until) return VisitGaps::kGoOn;
    last = std::move(gap);
    return VisitGaps::kEnough;
  });
  if (!visited) return fail(std::move(visited.error()));
  return last;
}

std::string_view to_string(GapRecord::Of of) { return of == GapRecord::Of::kSource ? "source" : "route"; }

GapRecord::Of parse_gap_kind(std::string_view word) {
  return word == "source" ? GapRecord::Of::kSource : GapRecord::Of::kRoute;
}

std::string describe(const GapRecord& gap) {
  return "gap " + std::to_string(gap.number) + ": " + (gap.events.size() < kMostNamed ? "" : "at least ") +
         std::to_string(gap.events.size()) + " events at positions " + std::to_string(gap.from.value) + " to " +
         std::to_string(gap.to.value) + " are gone";
}

std::string join_ids(const std::vector<EventId>& ids) {
  std::string text;
  text.reserve(ids.size() * (EventId::kTextLength + 1));
  for (const EventId& id : ids) {
    if (!text.empty()) text += '\n';
    text += id.to_string();
  }
  return text;
}

std::vector<EventId> split_ids(std::string_view text) {
  std::vector<EventId> ids;
  for (; text.size() >= EventId::kTextLength; text.remove_prefix(std::min(text.size(), EventId::kTextLength + 1)))
    if (const auto id = EventId::parse(text.substr(0, EventId::kTextLength))) ids.push_back(*id);
  return ids;
}

}  // namespace penstock::store
