#include <algorithm>

#include "tests/support/memory/page_builder.h"
#include "tests/support/memory/parts.h"

namespace penstock::tests {
namespace {

using store::LogPage;
using store::ReadLimit;

}  // namespace

Result<LogPage> MemoryParts::Log::read_after(Position after, ReadLimit limit, const store::LogFilter& filter) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  return parts.perform(StoreCall::kReadLog, [&](MemoryDatabase& db) -> Result<LogPage> {
    if (after < db.dropped_.floor) return fail(store::removed_below(db.dropped_.floor));
    PageBuilder builder(limit);
    Position reached = after;
    std::uint64_t removed = 0;
    for (std::size_t at = static_cast<std::size_t>(std::max<std::int64_t>(after.value, 0)); at < db.log_.size(); ++at) {
      const EventRef& event = db.log_[at];
      if (is_stub(*event)) {
        if (filter.admits_all()) ++removed;
      } else if (filter.admits(*event)) {
        if (!builder.has_room_for(*event)) break;
        builder.add(event);
      }
      reached = *event->position;
    }
    return LogPage{std::move(builder).finish(), reached, removed};
  });
}

Result<LogPage> MemoryParts::Log::read_before(Position before, ReadLimit limit, const store::LogFilter& filter) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  return parts.perform(StoreCall::kReadLog, [&](MemoryDatabase& db) -> Result<LogPage> {
    const std::int64_t floor = db.dropped_.floor.value;
    if (floor > 0 && before.value <= floor) return fail(store::removed_below(db.dropped_.floor));
    PageBuilder builder(limit);
    Position reached = before;
    std::uint64_t removed = 0;
    const auto head = static_cast<std::int64_t>(db.log_.size());
    for (std::int64_t at = std::min(before.value - 1, head); at > floor; --at) {
      const EventRef& event = db.log_[index_of(Position{at})];
      if (is_stub(*event)) {
        if (filter.admits_all()) ++removed;
      } else if (filter.admits(*event)) {
        if (!builder.has_room_for(*event)) break;
        builder.add(event);
      }
      reached = *event->position;
    }
    return LogPage{std::move(builder).finish(), reached, removed};
  });
}

Result<std::optional<Position>> MemoryParts::Log::first_since(Timestamp time) {
  return parts.perform(StoreCall::kReadLog, [&](MemoryDatabase& db) -> Result<std::optional<Position>> {
    for (const EventRef& event : db.log_)
      if (is_kept(db, *event) && *event->recorded_at >= time) return event->position;
    return std::nullopt;
  });
}

Result<std::optional<Position>> MemoryParts::Log::last_before(Timestamp time) {
  return parts.perform(StoreCall::kReadLog, [&](MemoryDatabase& db) -> Result<std::optional<Position>> {
    for (auto event = db.log_.rbegin(); event != db.log_.rend(); ++event)
      if (is_kept(db, **event) && *(*event)->recorded_at < time) return (*event)->position;
    return std::nullopt;
  });
}

Result<std::optional<EventId>> MemoryParts::Log::event_id_at(Position position) {
  return parts.perform(StoreCall::kReadLog, [&](MemoryDatabase& db) -> Result<std::optional<EventId>> {
    if (position.value < 1 || position.value > static_cast<std::int64_t>(db.log_.size())) return std::nullopt;
    if (position < db.dropped_.floor) return std::nullopt;
    return db.log_[index_of(position)]->id;
  });
}

std::uint64_t MemoryParts::Log::generation() {
  std::lock_guard lock(parts.database->mutex_);
  return static_cast<std::uint64_t>(parts.database->incarnation_);
}

Result<Position> MemoryParts::Log::head() {
  return parts.perform(StoreCall::kHead, [](MemoryDatabase& db) -> Result<Position> {
    return Position{static_cast<std::int64_t>(db.log_.size())};
  });
}

Result<Position> MemoryParts::Log::floor() {
  return parts.perform(StoreCall::kHead, [](MemoryDatabase& db) -> Result<Position> { return db.dropped_.floor; });
}

Result<Position> MemoryParts::Log::wait_beyond(Position position, Deadline deadline, std::stop_token stop) {
  if (auto ready = parts.before(StoreCall::kWaitBeyond); !ready) return fail(std::move(ready.error()));
  MemoryDatabase& db = *parts.database;
  {
    std::unique_lock lock(db.mutex_);
    db.changed_.wait_until(lock, stop, deadline.time(),
                           [&] { return static_cast<std::int64_t>(db.log_.size()) > position.value || db.away_; });
  }
  if (auto done = parts.after(StoreCall::kWaitBeyond); !done) return fail(std::move(done.error()));
  return head();
}

}  // namespace penstock::tests
