// The right of one instance to drive a route or a source.
//
// A lease lives in the database of the store, so that it and the checkpoints that it guards can't
// disagree. It ends 5 s after its last renewal by the database's clock; its owner renews it each
// second and stops submitting 4 s after it *sent* the last renewal that succeeded. The epoch is
// raised at every take, and every write made under the lease carries it: a former owner that comes
// back is `fenced` by its first write. While the owner's session lives it also holds a lock (an
// advisory lock, or flock on a file with SQLite), so that a kill -9 frees the lease at once.
#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/error.h"
#include "core/lease.h"

namespace penstock::store {

inline constexpr std::chrono::seconds kLeaseDuration{5};
inline constexpr std::chrono::seconds kLeaseRenewal{1};
inline constexpr std::chrono::seconds kLeaseTrust{4};  // after sending a renewal that succeeded

// Threads: any. Blocking calls to the database, each with a deadline of its own (≤ 2 s).
class Leases {
 public:
  virtual ~Leases() = default;

  // Takes the lease if it is free, expired, or its owner's session is gone. Errors: relay.standby
  // (conflict; names the owner) while another one holds it; store.importing; store.busy while other calls use the
  // session of the leases; store.unavailable.
  virtual Result<Lease> take(std::string_view name, std::string_view owner) = 0;

  // Errors: store.fenced when it was taken by another; store.unavailable.
  virtual Status renew(const Lease& lease) = 0;

  // Gives it back, so that a standby takes it at once. A lease already lost is no error.
  virtual Status release(const Lease& lease) = 0;
};

}  // namespace penstock::store
