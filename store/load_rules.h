// What rows must look like that are put behind the head as they are; decided in one place for every
// backend, as append_rules.h does it for appends. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/transfer.h"

namespace penstock::store {

// A stream as it is stored, before the rows are written.
struct LoadedStream {
  std::string category;
  Version last_version;
  Version scavenged_before;  // its versions below are stubs
  StreamState state = StreamState::kLive;
};

struct LoadFacts {
  Position head, floor;
  Timestamp recorded_at;                                       // of the last event
  std::unordered_map<std::string_view, LoadedStream> streams;  // of those that the rows name; missing = none
};

// A stream that gets rows, as it is after them.
struct StreamAfterLoad {
  std::string_view name, category;
  Version last_version, scavenged_before;
  enum class Was { kNew, kKnown } was;
};

struct LoadPlan {
  std::vector<StreamAfterLoad> streams;
  Position head;
  Timestamp recorded_at;
  std::int64_t stubs = 0;
};

// Positions follow the head without a gap, versions follow the last one of their stream (behind a floor, a stream
// begins with any), a stream
// keeps its category, and recorded_at never decreases: else store.invalid_request, which names the position. A stream
// that is tombstoned gets no more: store.other_events. Views of the plan point into the rows.
Result<LoadPlan> plan_load(std::span<const LogRow> rows, const LoadFacts& facts);

}  // namespace penstock::store
