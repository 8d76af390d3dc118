// The gap records of sources, among those of routes.
#pragma once

#include "core/source_gaps.h"
#include "store/gaps.h"

namespace penstock::store {

class GapsOfSources final : public SourceGaps {
 public:
  // `gaps` outlives it.
  explicit GapsOfSources(Gaps& gaps) : gaps_(gaps) {}

  Result<Standing> record(std::string_view source, const SourceGap& gap) override;

 private:
  Gaps& gaps_;
};

}  // namespace penstock::store
