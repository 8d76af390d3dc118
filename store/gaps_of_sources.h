// The gap records of sources, among those of routes.
#pragma once

#include <functional>

#include "core/source_gaps.h"
#include "store/gaps.h"

namespace penstock::store {

class GapsOfSources final : public SourceGaps {
 public:
  // `gaps` outlives it.
  explicit GapsOfSources(Gaps& gaps) : gaps_(gaps) {}

  Result<std::int64_t> record(std::string_view source, const SourceGap& gap) override;
  Result<std::optional<Recorded>> find_open(std::string_view source, std::string_view reason) override;
  Result<std::vector<Recorded>> list(std::string_view source, Position from) override;

 private:
  // The records that `is_it`; `then` says whether one is enough.
  Result<std::vector<Recorded>> find(const std::function<bool(const GapRecord&)>& is_it, VisitGaps then);

  Gaps& gaps_;
};

}  // namespace penstock::store
