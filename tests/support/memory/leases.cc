#include "store/store_faults.h"
#include "tests/support/memory/parts.h"

namespace penstock::tests {

Status MemoryParts::check_lease(const MemoryDatabase& db, const Lease& lease) {
  const auto row = db.leases_.find(lease.name);
  if (row == db.leases_.end() || row->second.owner != lease.owner || row->second.epoch != lease.epoch)
    return fail(store::lease_lost(lease));
  return {};
}

Result<Lease> MemoryParts::Leases::take(std::string_view name, std::string_view owner) {
  return parts.perform(StoreCall::kTakeLease, [&](MemoryDatabase& db) -> Result<Lease> {
    auto& row = db.leases_[std::string(name)];
    const Timestamp now = db.clock_.wall_now();
    const bool free = row.owner.empty() || row.owner == owner || row.expires_at <= now || row.session.expired();
    if (!free) return fail(codes::kRelayStandby, "the lease " + std::string(name) + " is held by " + row.owner);
    row.owner = owner;
    row.epoch = row.epoch.next();
    row.expires_at = now + store::kLeaseDuration;
    row.session = parts.session;
    return Lease{std::string(name), std::string(owner), row.epoch};
  });
}

Status MemoryParts::Leases::renew(const Lease& lease) {
  return parts.perform(StoreCall::kRenewLease, [&](MemoryDatabase& db) -> Status {
    if (auto held = check_lease(db, lease); !held) return held;
    auto& row = db.leases_.at(lease.name);
    row.expires_at = db.clock_.wall_now() + store::kLeaseDuration;
    row.session = parts.session;
    return {};
  });
}

Status MemoryParts::Leases::release(const Lease& lease) {
  return parts.perform(StoreCall::kReleaseLease, [&](MemoryDatabase& db) -> Status {
    if (!check_lease(db, lease)) return {};
    auto& row = db.leases_.at(lease.name);
    row.owner.clear();
    row.session.reset();
    return {};
  });
}

}  // namespace penstock::tests
