#include "cli/demo/verdict.h"

#include <algorithm>
#include <functional>

namespace penstock::cli {

void Ledger::commit(const EventId& id, std::string_view key, std::string_view payload) {
  KeyProgress& progress = keys_[std::string(key)];
  fates_.emplace(id, Fate{std::string(key), std::hash<std::string_view>()(payload), progress.committed});
  ++progress.committed;
  ++verdict_.committed;
}

void Ledger::arrive(std::string_view id, std::string_view key, std::string_view payload) {
  const Result<EventId> parsed = EventId::parse(id);
  const auto found = parsed ? fates_.find(*parsed) : fates_.end();
  if (found == fates_.end()) {
    ++verdict_.unknown;
    return;
  }
  Fate& fate = found->second;
  if (fate.key != key || fate.bytes_digest != std::hash<std::string_view>()(payload)) ++verdict_.altered;
  if (fate.arrived) {
    ++verdict_.duplicates;
    return;
  }
  fate.arrived = true;
  ++verdict_.delivered;
  std::size_t& reached = keys_[fate.key].reached;
  // A first arrival that isn't the next of its key: it jumped ahead, or it was overtaken.
  if (fate.number != reached) ++verdict_.out_of_order;
  reached = std::max(reached, fate.number + 1);
}

Verdict Ledger::verdict() const {
  Verdict verdict = verdict_;
  verdict.lost = verdict.committed - verdict.delivered;
  return verdict;
}

}  // namespace penstock::cli
