// Gap records of sources in memory, for suites that drive a source without a store.
#pragma once

#include <string>
#include <vector>

#include "core/source_gaps.h"

namespace penstock::tests {

class MemorySourceGaps final : public SourceGaps {
 public:
  Result<Standing> record(std::string_view source, const SourceGap& gap) override {
    for (std::size_t i = 0; i < records_.size(); ++i)
      if (records_[i].source == source && records_[i].gap.from == gap.from)
        return Standing{static_cast<std::int64_t>(i) + 1, records_[i].gap.reason, records_[i].is};
    records_.push_back({std::string(source), gap});
    return Standing{static_cast<std::int64_t>(records_.size()), gap.reason, Standing::Is::kOpen};
  }
  Result<std::optional<Standing>> find_open(std::string_view source, std::string_view reason) override {
    for (std::size_t i = 0; i < records_.size(); ++i)
      if (records_[i].source == source && records_[i].gap.reason == reason && records_[i].is == Standing::Is::kOpen)
        return Standing{static_cast<std::int64_t>(i) + 1, records_[i].gap.reason, records_[i].is};
    return std::nullopt;
  }

  struct Record {
    std::string source;
    SourceGap gap;
    Standing::Is is = Standing::Is::kOpen;
  };
  const std::vector<Record>& records() const { return records_; }
  void acknowledge_all() {
    for (Record& record : records_) record.is = Standing::Is::kAcknowledged;
  }

 private:
  std::vector<Record> records_;
};

}  // namespace penstock::tests
