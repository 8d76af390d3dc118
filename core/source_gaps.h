// What a source can't deliver any more: on record until an operator has looked at it. Spoken by the store,
// which keeps it (store/gaps.h), and by connectors, which may not include the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/ids.h"

namespace penstock {

// Everything behind `from` and up to `to` may be missing; both in the source's own numbers.
struct SourceGap {
  std::string reason;  // name out of the table of codes
  Position from, to;
};

// Threads: any.
class SourceGaps {
 public:
  virtual ~SourceGaps() = default;

  struct Recorded {
    std::int64_t number = 0;  // how an operator names it
    SourceGap gap;
    enum class Is { kOpen, kAcknowledged } is = Is::kOpen;
  };
  // Puts the gap on record, also beside others that begin at the same place; the same gap once. Answers its number.
  // Durable when it returns. Errors: store.unavailable, store.in_doubt; the same call may be made again.
  virtual Result<std::int64_t> record(std::string_view source, const SourceGap& gap) = 0;
  // The first of the source, for this reason, that nobody has acknowledged. Errors: as above.
  virtual Result<std::optional<Recorded>> find_open(std::string_view source, std::string_view reason) = 0;
  // Those of the source that begin at `from` or behind it, by number. Errors: as above.
  virtual Result<std::vector<Recorded>> list(std::string_view source, Position from) = 0;
};

}  // namespace penstock
