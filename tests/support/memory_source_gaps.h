// Gap records of sources in memory, for suites that drive a source without a store.
#pragma once

#include <string>
#include <vector>

#include "core/source_gaps.h"

namespace penstock::tests {

class MemorySourceGaps final : public SourceGaps {
 public:
  Result<std::optional<Recorded>> find_open(std::string_view source, std::string_view reason) override {
    for (const Record& known : records_)
      if (known.source == source && known.gap.reason == reason && known.is == Recorded::Is::kOpen)
        return std::optional<Recorded>(known);
    return std::optional<Recorded>();
  }
  Result<std::vector<Recorded>> list(std::string_view source, Position from) override {
    std::vector<Recorded> found;
    for (const Record& record : records_)
      if (record.source == source && record.gap.from >= from) found.push_back(record);
    return found;
  }
  Result<std::int64_t> record(std::string_view source, const SourceGap& gap) override {
    if (!is_reachable_) return fail(codes::kStoreUnavailable, "the store is away");
    for (const Record& known : records_)
      if (known.source == source && known.gap.reason == gap.reason && known.gap.from == gap.from &&
          known.gap.to == gap.to)
        return known.number;
    const auto number = static_cast<std::int64_t>(records_.size()) + 1;
    records_.push_back({{number, gap, Recorded::Is::kOpen}, std::string(source)});
    return number;
  }

  struct Record : Recorded {
    std::string source;
  };
  const std::vector<Record>& records() const { return records_; }
  // Whether anything can be put on record.
  void set_reachable(bool reachable) { is_reachable_ = reachable; }
  void acknowledge(std::int64_t number) {
    records_.at(static_cast<std::size_t>(number - 1)).is = Recorded::Is::kAcknowledged;
  }
  void acknowledge_all() {
    for (Record& record : records_) record.is = Recorded::Is::kAcknowledged;
  }

 private:
  bool is_reachable_ = true;
  std::vector<Record> records_;
};

}  // namespace penstock::tests
