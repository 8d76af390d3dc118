#include "tests/support/memory/parts.h"

namespace penstock::tests {
namespace {

EventRef make_stub(const Event& event) {
  return make_event({.id = event.id,
                     .stream = event.stream,
                     .category = event.category,
                     .version = event.version,
                     .position = event.position});
}

}  // namespace

std::optional<store::StreamRetention> MemoryParts::retention_of(const MemoryDatabase& db, std::string_view stream) {
  const auto found = db.streams_.find(stream);
  if (found == db.streams_.end()) return std::nullopt;
  const Version last{static_cast<std::int64_t>(found->second.positions.size()) - 1};
  return store::StreamRetention{found->second.state, last, found->second.truncate_before, found->second.limits};
}

bool MemoryParts::is_readable(const MemoryDatabase& db, const store::StreamRetention& retention, const Event& event) {
  if (is_stub(event) || *event.version < retention.first_readable()) return false;
  return !retention.limits.max_age || *event.recorded_at > db.clock_.wall_now() - *retention.limits.max_age;
}

Result<std::optional<store::StreamRetention>> MemoryParts::Retention::find(std::string_view stream) {
  using Found = std::optional<store::StreamRetention>;
  return parts.perform(StoreCall::kReadRetention,
                       [&](MemoryDatabase& db) -> Result<Found> { return retention_of(db, stream); });
}

template <typename Judge>
Status MemoryParts::Retention::change(std::string_view stream, Judge judge) {
  return parts.perform(StoreCall::kChangeRetention, [&](MemoryDatabase& db) -> Status {
    const Result<store::StreamRetention> after = judge(retention_of(db, stream));
    if (!after) return fail(after.error());
    auto& row = db.streams_.find(stream)->second;
    row.state = after->state;
    row.truncate_before = after->truncate_before;
    row.limits = after->limits;
    return {};
  });
}

Status MemoryParts::Retention::remove(std::string_view stream, store::Removal removal,
                                      const store::ExpectedVersion& expected) {
  return change(stream, [&](const auto& found) { return store::judge_removal(stream, found, removal, expected); });
}

Status MemoryParts::Retention::truncate(std::string_view stream, Version before) {
  return change(stream, [&](const auto& found) { return store::judge_truncation(stream, found, before); });
}

Status MemoryParts::Retention::set_limits(std::string_view stream, const store::StreamLimits& wanted) {
  return change(stream, [&](const auto& found) { return store::judge_limits(stream, found, wanted); });
}

Result<store::Scavenged> MemoryParts::Retention::scavenge(std::size_t most) {
  return parts.perform(StoreCall::kChangeRetention, [&](MemoryDatabase& db) -> Result<store::Scavenged> {
    store::Scavenged done;
    for (EventRef& event : db.log_) {
      if (is_stub(*event) || is_readable(db, *retention_of(db, event->stream), *event)) continue;
      if (done.events >= most) {
        done.left = store::Scavenged::Left::kMore;
        break;
      }
      event = make_stub(*event);
      ++done.events;
    }
    return done;
  });
}

Result<store::DroppedRange> MemoryParts::Retention::dropped() {
  return parts.perform(StoreCall::kReadRetention,
                       [](MemoryDatabase& db) -> Result<store::DroppedRange> { return db.dropped_; });
}

Status MemoryParts::Retention::raise_floor(Position floor, std::span<const std::string> past) {
  return parts.perform(StoreCall::kChangeRetention, [&](MemoryDatabase& db) -> Status {
    store::FloorFacts facts{Position{static_cast<std::int64_t>(db.log_.size())}, db.dropped_.floor, {}};
    for (const auto& [route, checkpoint] : db.checkpoints_)
      if (checkpoint.position < floor) facts.behind.emplace_back(route, checkpoint.position);
    const auto step = store::judge_floor(floor, facts, past);
    if (!step) return fail(step.error());
    db.dropped_.floor = std::max(db.dropped_.floor, floor);
    return {};
  });
}

// What is gone stays in its place as a stub that nobody finds.
Result<store::Scavenged> MemoryParts::Retention::drop(std::size_t most) {
  return parts.perform(StoreCall::kChangeRetention, [&](MemoryDatabase& db) -> Result<store::Scavenged> {
    store::Scavenged done;
    for (std::size_t passed = 0; db.dropped_.gone < db.dropped_.floor; ++passed) {
      if (passed >= most) {
        done.left = store::Scavenged::Left::kMore;
        break;
      }
      db.dropped_.gone = db.dropped_.gone.next();
      EventRef& event = db.log_[index_of(db.dropped_.gone)];
      db.ids_.erase({event->id, std::string(event->stream)});
      if (is_stub(*event)) continue;
      event = make_stub(*event);
      ++done.events;
    }
    return done;
  });
}

}  // namespace penstock::tests
