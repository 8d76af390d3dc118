#include <algorithm>

#include "store/store_faults.h"
#include "tests/support/memory/parts.h"

namespace penstock::tests {
namespace {

using store::Checkpoint;

}  // namespace

Result<Checkpoint> MemoryParts::checkpoint_at(const MemoryDatabase& db, Position position) {
  if (index_of(position) >= db.log_.size() && position != Position{0}) return fail(store::no_event_at(position));
  if (position != Position{0} && position < db.dropped_.floor && position <= db.dropped_.gone)
    return fail(store::no_checkpoint_below(db.dropped_.floor, position));
  const EventId id = position == Position{0} ? EventId() : db.log_[index_of(position)]->id;
  return Checkpoint{position, id, {"memory", 0, db.incarnation_}};
}

Result<std::optional<Checkpoint>> MemoryParts::Checkpoints::load(std::string_view route) {
  return parts.perform(StoreCall::kLoadCheckpoint, [&](MemoryDatabase& db) -> Result<std::optional<Checkpoint>> {
    const auto found = db.checkpoints_.find(route);
    if (found == db.checkpoints_.end()) return std::nullopt;
    Checkpoint checkpoint = found->second;
    const bool is_same = checkpoint.identity.incarnation == db.incarnation_;
    checkpoint.store = is_same ? Checkpoint::Store::kSame : Checkpoint::Store::kChanged;
    return checkpoint;
  });
}

Result<Checkpoint> MemoryParts::Checkpoints::create(const Lease& lease, std::string_view route, Position start) {
  return parts.perform(StoreCall::kCreateCheckpoint, [&](MemoryDatabase& db) -> Result<Checkpoint> {
    if (auto held = check_lease(db, lease); !held) return fail(std::move(held.error()));
    if (const auto found = db.checkpoints_.find(route); found != db.checkpoints_.end()) return found->second;
    auto made = checkpoint_at(db, start);
    if (made) db.checkpoints_.emplace(route, *made);
    return made;
  });
}

Status MemoryParts::Checkpoints::advance(const Lease& lease, std::string_view route, Position from,
                                         const store::Settled& to) {
  return parts.perform(StoreCall::kAdvanceCheckpoint, [&](MemoryDatabase& db) -> Status {
    if (auto held = check_lease(db, lease); !held) return held;
    const auto found = db.checkpoints_.find(route);
    const auto stored = found == db.checkpoints_.end() ? std::nullopt : std::optional(found->second.position);
    const auto step = store::judge_advance(route, stored, from, to.position);
    if (!step) return fail(step.error());
    if (*step == store::CheckpointStep::kStandsThere) return {};
    auto made = checkpoint_at(db, to.position);
    if (!made) return fail(std::move(made.error()));
    const auto generation = static_cast<std::uint64_t>(db.incarnation_);
    if (auto same = store::check_settled(route, to, made->event_id, generation); !same) return same;
    found->second = *made;
    return {};
  });
}

void MemoryParts::Checkpoints::take_gaps_along(MemoryDatabase& db, std::string_view old_route, std::string_view route) {
  for (store::GapRecord& gap : db.gaps_) {
    if (gap.of != store::GapRecord::Of::kRoute || gap.route != old_route) continue;
    // One that is on record under both names stays where it is.
    const bool known = std::ranges::any_of(db.gaps_, [&](const store::GapRecord& other) {
      return other.of == gap.of && other.route == route && other.reason == gap.reason && other.from == gap.from &&
             other.to == gap.to && other.events == gap.events;
    });
    if (!known) gap.route = route;
  }
}

Status MemoryParts::Checkpoints::rename(const Lease& lease, std::string_view old_route, std::string_view route) {
  return parts.perform(StoreCall::kRenameCheckpoint, [&](MemoryDatabase& db) -> Status {
    if (auto held = check_lease(db, lease); !held) return held;
    const auto old = db.checkpoints_.find(old_route);
    if (old == db.checkpoints_.end() || db.checkpoints_.contains(route)) return {};
    auto row = db.checkpoints_.extract(old);
    row.key() = route;
    db.checkpoints_.insert(std::move(row));
    take_gaps_along(db, old_route, route);
    return {};
  });
}

Result<std::vector<std::pair<std::string, Checkpoint>>> MemoryParts::Checkpoints::list() {
  using List = std::vector<std::pair<std::string, Checkpoint>>;
  return parts.perform(StoreCall::kListCheckpoints, [](MemoryDatabase& db) -> Result<List> {
    return List(db.checkpoints_.begin(), db.checkpoints_.end());
  });
}

Result<std::optional<SourceCheckpoint>> MemoryParts::OfSources::load(std::string_view source) {
  using Loaded = Result<std::optional<SourceCheckpoint>>;
  return parts.perform(StoreCall::kLoadSourceCheckpoint, [&](MemoryDatabase& db) -> Loaded {
    const auto found = db.source_checkpoints_.find(source);
    if (found == db.source_checkpoints_.end()) return std::nullopt;
    return found->second;
  });
}

Status MemoryParts::OfSources::advance(const Lease& lease, std::string_view source,
                                       const std::optional<SourceCheckpoint>& from, const SourceCheckpoint& to) {
  return parts.perform(StoreCall::kAdvanceSourceCheckpoint, [&](MemoryDatabase& db) -> Status {
    if (auto held = check_lease(db, lease); !held) return held;
    const auto found = db.source_checkpoints_.find(source);
    const bool exists = found != db.source_checkpoints_.end();
    const bool as_expected = exists == from.has_value() && (!from || found->second.position == from->position);
    if (!as_expected && !(exists && found->second.position == to.position))
      return fail(codes::kStoreCorrupt, "the checkpoint of the source is not where it left it");
    db.source_checkpoints_[std::string(source)] = to;
    return {};
  });
}

}  // namespace penstock::tests
