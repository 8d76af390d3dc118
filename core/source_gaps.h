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

  struct Standing {
    std::int64_t number = 0;  // how an operator names it
    std::string reason;       // of the record
    enum class Is { kOpen, kAcknowledged } is = Is::kOpen;
  };
  // Puts the gap on record, unless one of the source is there that begins at the same place. Durable when
  // it returns. Errors: store.unavailable, store.in_doubt; the same call may be made again.
  virtual Result<Standing> record(std::string_view source, const SourceGap& gap) = 0;
  // The first of the source, for this reason, that nobody has acknowledged. Errors: as above.
  virtual Result<std::optional<Standing>> find_open(std::string_view source, std::string_view reason) = 0;

  struct Recorded {
    using Is = Standing::Is;
    std::int64_t number = 0;
    SourceGap gap;
    Is is = Is::kOpen;
  };
  // Those of the source that begin at `from` or behind it, by number.
  virtual Result<std::vector<Recorded>> list(std::string_view source, Position from) = 0;
  // Puts the gap on record beside others that begin at the same place; the same gap once. Answers its
  // number. Durable, and errors, as above.
  virtual Result<std::int64_t> record_further(std::string_view source, const SourceGap& gap) = 0;
};

}  // namespace penstock
