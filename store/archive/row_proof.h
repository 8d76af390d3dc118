// Whether the rows of an archive fit each other and the limits, row by row, so that the line of the first one that does
// not is known before the store is touched.
#pragma once

#include <deque>
#include <string>

#include "store/archive/entries.h"
#include "store/event_store.h"
#include "store/load_rules.h"

namespace penstock::store::archive {

// Single-threaded. Remembers the streams of the archive in at most 64 MiB; of those that come when these are full only
// the store itself notices that a version or a category is wrong.
class RowProof {
 public:
  RowProof(const Header& header, const AppendLimits& limits);
  RowProof(const RowProof&) = delete;  // the facts point into it
  RowProof& operator=(const RowProof&) = delete;

  // The rows one after the other. Errors: those of check_append() and plan_load().
  Status admit(const LogRow& row);

 private:
  const AppendLimits limits_;
  LoadFacts facts_;                // the store as it would be without what came before the archive
  std::deque<std::string> names_;  // that the facts point to
  std::size_t bytes_ = 0;
};

}  // namespace penstock::store::archive
