#include <algorithm>
#include <map>

#include "tests/support/memory/page_builder.h"
#include "tests/support/memory/parts.h"

namespace penstock::tests {
namespace {

using store::ReadLimit;
using store::StreamPage;

}  // namespace

Result<StreamPage> MemoryParts::Events::read_stream(std::string_view name, std::optional<Version> from,
                                                    store::Direction direction, ReadLimit limit) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  return parts.perform(StoreCall::kReadStream, [&](MemoryDatabase& db) -> Result<StreamPage> {
    StreamPage page;
    PageBuilder builder(limit);
    if (const auto found = db.streams_.find(name); found != db.streams_.end()) {
      const auto& positions = found->second.positions;
      const std::int64_t last = static_cast<std::int64_t>(positions.size()) - 1;
      const bool forward = direction == store::Direction::kForward;
      page.last_version = Version{last};
      page.state = found->second.state;
      const auto kept = *retention_of(db, name);
      std::int64_t at = from ? from->value : (forward ? 0 : last);
      at = forward ? std::max<std::int64_t>(at, 0) : std::min(at, last);
      for (; at >= 0 && at <= last; at += forward ? 1 : -1) {
        const EventRef& event = db.log_[index_of(positions[static_cast<std::size_t>(at)])];
        if (!is_readable(db, kept, *event)) continue;
        if (!builder.has_room_for(*event)) {
          page.next = Version{at};
          break;
        }
        builder.add(event);
      }
    }
    page.events = std::move(builder).finish();
    return page;
  });
}

Result<std::shared_ptr<const EventBatch>> MemoryParts::Events::find(const EventId& id) {
  return parts.perform(StoreCall::kFindEvent, [&](MemoryDatabase& db) -> Result<std::shared_ptr<const EventBatch>> {
    PageBuilder builder({.events = db.log_.size() + 1, .bytes = SIZE_MAX});
    for (const EventRef& event : db.log_) {
      if (event->id == id && !is_stub(*event)) builder.add(event);
    }
    return std::move(builder).finish();
  });
}

Result<EventRef> MemoryParts::Events::find_in(std::string_view stream, const EventId& id) {
  return parts.perform(StoreCall::kFindEvent, [&](MemoryDatabase& db) -> Result<EventRef> {
    const auto found = db.ids_.find({id, std::string(stream)});
    if (found == db.ids_.end() || is_stub(*db.log_[index_of(found->second)])) return EventRef();
    return db.log_[index_of(found->second)];
  });
}

Result<std::vector<store::StreamSummary>> MemoryParts::Events::streams(const store::StreamQuery& query) {
  return parts.perform(StoreCall::kListStreams, [&](MemoryDatabase& db) -> Result<std::vector<store::StreamSummary>> {
    std::vector<store::StreamSummary> found;
    for (auto at = db.streams_.upper_bound(query.after); at != db.streams_.end() && found.size() < query.limit; ++at)
      if (at->first.starts_with(query.prefix))
        found.push_back({at->first, at->second.category,
                         Version{static_cast<std::int64_t>(at->second.positions.size()) - 1}, at->second.state});
    return found;
  });
}

Result<store::StoreCounts> MemoryParts::Events::counts() {
  return parts.perform(StoreCall::kCount, [](MemoryDatabase& db) -> Result<store::StoreCounts> {
    const auto stubs = std::count_if(db.log_.begin(), db.log_.end(), [](const auto& event) { return is_stub(*event); });
    return store::StoreCounts{db.streams_.size(), db.log_.size() - static_cast<std::size_t>(stubs)};
  });
}

Result<std::vector<store::KindCount>> MemoryParts::Events::kinds() {
  return parts.perform(StoreCall::kCount, [](MemoryDatabase& db) -> Result<std::vector<store::KindCount>> {
    std::map<std::pair<std::string_view, std::string_view>, std::uint64_t> counted;
    for (const EventRef& event : db.log_)
      if (!is_stub(*event)) ++counted[{event->category, event->type}];
    std::vector<store::KindCount> kinds;
    for (const auto& [kind, count] : counted)
      kinds.push_back({std::string(kind.first), std::string(kind.second), count});
    return kinds;
  });
}

}  // namespace penstock::tests
