#include "store/gaps_of_sources.h"

namespace penstock::store {
namespace {

SourceGaps::Standing standing_of(const GapRecord& gap) {
  return {gap.number, gap.reason,
          gap.acknowledged_by.empty() ? SourceGaps::Standing::Is::kOpen : SourceGaps::Standing::Is::kAcknowledged};
}

}  // namespace

// Sources look here only when they open and when they have lost something, so that a look at all records costs nothing.
Result<std::optional<SourceGaps::Standing>> GapsOfSources::find(const std::function<bool(const GapRecord&)>& is_it) {
  std::optional<Standing> found;
  auto visited = visit_gaps(gaps_, [&](const GapRecord& known) -> Result<VisitGaps> {
    if (known.of != GapRecord::Of::kSource || !is_it(known)) return VisitGaps::kGoOn;
    found = standing_of(known);
    return VisitGaps::kEnough;
  });
  if (!visited) return fail(std::move(visited.error()));
  return found;
}

Result<std::optional<SourceGaps::Standing>> GapsOfSources::find_open(std::string_view source, std::string_view reason) {
  return find([&](const GapRecord& known) {
    return known.route == source && known.reason == reason && known.acknowledged_by.empty();
  });
}

Result<SourceGaps::Standing> GapsOfSources::record(std::string_view source, const SourceGap& gap) {
  const auto known = find([&](const GapRecord& one) { return one.route == source && one.from == gap.from; });
  if (!known) return fail(known.error());
  if (*known) return **known;
  const auto number = record_further(source, gap);
  if (!number) return fail(number.error());
  return Standing{*number, gap.reason, Standing::Is::kOpen};
}

Result<std::vector<SourceGaps::Recorded>> GapsOfSources::list(std::string_view source, Position from) {
  std::vector<Recorded> found;
  const auto all = find([&](const GapRecord& known) {
    if (known.route == source && known.from >= from)
      found.push_back({known.number, {known.reason, known.from, known.to}, standing_of(known).is});
    return false;
  });
  if (!all) return fail(all.error());
  return found;
}

Result<std::int64_t> GapsOfSources::record_further(std::string_view source, const SourceGap& gap) {
  GapRecord wanted;
  wanted.of = GapRecord::Of::kSource;
  wanted.route = source;
  wanted.reason = gap.reason;
  wanted.from = gap.from;
  wanted.to = gap.to;
  return gaps_.record(wanted);
}

}  // namespace penstock::store
