// How far a source has come that neither deletes nor marks what is settled: durable, fenced, written by
// the source itself. Spoken by the store, which keeps it, and by connectors, which may not include the
// store. (store/checkpoints.h is the same for routes that read the store.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/lease.h"

namespace penstock {

// The identity is of the source's database: another one means that the position may name something else.
struct SourceCheckpoint {
  std::string position;  // in the source's own words
  std::string system_identifier;
  std::int64_t timeline = 0;
  bool operator==(const SourceCheckpoint&) const = default;
};

// The position of a source that was read from the log and is polled since: what was not settled is in its table, so
// whoever reads on needs to know nothing else.
inline constexpr std::string_view kPolledPosition = "polled";

// Threads: any.
class SourceCheckpoints {
 public:
  virtual ~SourceCheckpoints() = default;

  // nullopt for a source that never had one. Errors: store.unavailable, core.timeout.
  virtual Result<std::optional<SourceCheckpoint>> load(std::string_view source) = 0;

  // Compare-and-set: `from` → `to`, nullopt = none is stored; only under the lease; durable when it
  // returns. A stored `to` is the answer to an advance in doubt. Errors: store.fenced when the lease is
  // lost; store.corrupt when neither `from` nor `to` is stored; store.unavailable; store.in_doubt.
  virtual Status advance(const Lease& lease, std::string_view source, const std::optional<SourceCheckpoint>& from,
                         const SourceCheckpoint& to) = 0;
};

}  // namespace penstock
