#include "store/gaps_of_sources.h"

namespace penstock::store {
namespace {

constexpr std::size_t kPage = 100;

SourceGaps::Standing standing_of(const GapRecord& gap) {
  return {gap.number, gap.reason,
          gap.acknowledged_by.empty() ? SourceGaps::Standing::Is::kOpen : SourceGaps::Standing::Is::kAcknowledged};
}

}  // namespace

// Sources look here only when they have lost something, so that a look at all records costs nothing.
Result<SourceGaps::Standing> GapsOfSources::record(std::string_view source, const SourceGap& gap) {
  for (std::int64_t after = 0;;) {
    const auto page = gaps_.list(after, kPage);
    if (!page) return fail(page.error());
    for (const GapRecord& known : *page)
      if (known.route == source && known.from == gap.from) return standing_of(known);
    if (page->size() < kPage) break;
    after = page->back().number;
  }
  GapRecord wanted;
  wanted.route = source;
  wanted.reason = gap.reason;
  wanted.from = gap.from;
  wanted.to = gap.to;
  const auto number = gaps_.record(wanted);
  if (!number) return fail(number.error());
  return Standing{*number, gap.reason, Standing::Is::kOpen};
}

}  // namespace penstock::store
