#include "store/gaps_of_sources.h"

namespace penstock::store {

// Sources look here only when they open and when they have lost something, so that a look at all records costs nothing.
Result<std::vector<SourceGaps::Recorded>> GapsOfSources::find(const std::function<bool(const GapRecord&)>& is_it,
                                                              VisitGaps then) {
  std::vector<Recorded> found;
  auto visited = visit_gaps(gaps_, [&](const GapRecord& known) -> Result<VisitGaps> {
    if (known.of != GapRecord::Of::kSource || !is_it(known)) return VisitGaps::kGoOn;
    found.push_back({known.number,
                     {known.reason, known.from, known.to},
                     known.acknowledged_by.empty() ? Recorded::Is::kOpen : Recorded::Is::kAcknowledged});
    return then;
  });
  if (!visited) return fail(std::move(visited.error()));
  return found;
}

Result<std::int64_t> GapsOfSources::record(std::string_view source, const SourceGap& gap) {
  GapRecord wanted;
  wanted.of = GapRecord::Of::kSource;
  wanted.route = source;
  wanted.reason = gap.reason;
  wanted.from = gap.from;
  wanted.to = gap.to;
  return gaps_.record(wanted);
}

Result<std::optional<SourceGaps::Recorded>> GapsOfSources::find_open(std::string_view source, std::string_view reason) {
  auto found = find(
      [&](const GapRecord& known) {
        return known.route == source && known.reason == reason && known.acknowledged_by.empty();
      },
      VisitGaps::kEnough);
  if (!found) return fail(std::move(found.error()));
  return found->empty() ? std::nullopt : std::optional(std::move(found->front()));
}

Result<std::vector<SourceGaps::Recorded>> GapsOfSources::list(std::string_view source, Position from) {
  return find([&](const GapRecord& known) { return known.route == source && known.from >= from; }, VisitGaps::kGoOn);
}

}  // namespace penstock::store
