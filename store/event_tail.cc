#include "store/event_tail.h"

#include <algorithm>

namespace penstock::store {
namespace {

constexpr std::size_t kRemembered = 20'000;

}  // namespace

std::deque<EventTail::Entry>::iterator EventTail::find_from(Position position) {
  return std::lower_bound(events_.begin(), events_.end(), position,
                          [](const Entry& entry, Position wanted) { return entry.position < wanted; });
}

void EventTail::add(Position position, const EventId& id) {
  if (events_.empty() || events_.back().position < position) {
    events_.push_back({position, id});
  } else {
    const auto at = find_from(position);
    if (at->position == position) return;
    events_.insert(at, {position, id});
  }
  if (events_.size() > kRemembered) events_.pop_front();
}

Result<std::size_t> EventTail::count_standing(const IdAt& id_at) const {
  std::size_t low = 0, high = events_.size();  // those below low stand, those from high on don't
  for (bool first = true; low < high; first = false) {
    // Mostly all of them stand.
    const std::size_t at = first ? high - 1 : low + (high - low) / 2;
    const auto found = id_at(events_[at].position);
    if (!found) return fail(found.error());
    if (*found == events_[at].id)
      low = at + 1;
    else
      high = at;
  }
  return low;
}

Result<std::optional<GapRecord>> EventTail::record_lost(std::string_view route, const IdAt& id_at, Gaps& gaps) {
  const auto standing = count_standing(id_at);
  if (!standing) return fail(Error(standing.error()).with_context("comparing the log with what it held before"));
  if (*standing == events_.size()) return std::nullopt;
  const auto lost = events_.begin() + static_cast<std::ptrdiff_t>(*standing);
  GapRecord gap;
  gap.route = route;
  gap.reason = codes::kRelayLostTail.name;
  gap.from = lost->position;
  gap.to = events_.back().position;
  for (auto event = lost; event != events_.end(); ++event) gap.events.push_back(event->id);
  const auto number = gaps.record(gap);
  if (!number) return fail(Error(number.error()).with_context("recording a lost tail"));
  gap.number = *number;
  events_.erase(lost, events_.end());
  return gap;
}

void EventTail::forget(Position from, const std::vector<EventId>& ids) {
  auto id = ids.begin();
  const auto is_gone = [&](const Entry& entry) {
    if (id == ids.end() || entry.id != *id) return false;
    ++id;
    return true;
  };
  events_.erase(std::remove_if(find_from(from), events_.end(), is_gone), events_.end());
}

}  // namespace penstock::store
