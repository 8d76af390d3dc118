// Checkpoints of sources in memory, for suites that drive a source without a store: leases are not asked for.
#pragma once

#include <map>
#include <string>

#include "core/source_checkpoints.h"

namespace penstock::tests {

class MemorySourceCheckpoints final : public SourceCheckpoints {
 public:
  Result<std::optional<SourceCheckpoint>> load(std::string_view source) override {
    const auto found = stored_.find(source);
    return found == stored_.end() ? std::optional<SourceCheckpoint>() : found->second;
  }
  Status advance(const Lease&, std::string_view source, const std::optional<SourceCheckpoint>& from,
                 const SourceCheckpoint& to) override {
    if (!is_reachable_) return fail(codes::kStoreUnavailable, "the store is away");
    const auto found = stored_.find(source);
    const bool as_expected = found == stored_.end() ? !from : from && found->second == *from;
    if (!as_expected) return fail(codes::kStoreCorrupt, "the checkpoint is not where the source left it");
    stored_[std::string(source)] = to;
    return {};
  }
  // Whether anything can be stored.
  void set_reachable(bool reachable) { is_reachable_ = reachable; }
  // As somebody else wrote it.
  void put(std::string source, SourceCheckpoint checkpoint) { stored_[std::move(source)] = std::move(checkpoint); }
  std::string position(std::string_view source) const {
    const auto found = stored_.find(source);
    return found == stored_.end() ? "" : found->second.position;
  }

 private:
  bool is_reachable_ = true;
  std::map<std::string, SourceCheckpoint, std::less<>> stored_;
};

}  // namespace penstock::tests
