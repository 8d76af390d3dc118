// Dropping the beginning of a log as an operator does it: what routes lose by it is on record first.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace penstock::store {

struct DropRequest {
  Position floor;                 // the last position that goes
  std::vector<std::string> past;  // routes that needn't have settled all of it
};

struct DropPlan {
  Position floor;        // as it is
  Position first, last;  // that go; last < first: none
  // Routes with a checkpoint below `last`, whether the request names them or not.
  std::vector<std::pair<std::string, Position>> behind;
};

// Changes nothing. Error: store.invalid_request beyond the head; those of the store.
Result<DropPlan> plan_drop(Store& store, Position floor);

struct DropSummary {
  Position floor;                  // as it is now
  std::uint64_t events = 0;        // that went
  std::vector<std::int64_t> gaps;  // numbers of the records of what routes lose
};

// Each route of `past` that is behind gets a gap record with the reason store.removed, which names the first 20,000
// events; it waits until that is acknowledged. Then the floor is raised, then rows go, in short transactions. A call
// that was cut off anywhere is made again. Errors: those of Retention::raise_floor(); those of the store.
Result<DropSummary> drop(Store& store, const DropRequest& request,
                         const std::function<void(std::uint64_t events)>& on_progress);

}  // namespace penstock::store
