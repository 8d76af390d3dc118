#include "store/archive/row_walk.h"

#include "store/store_faults.h"

namespace penstock::store::archive {
namespace {

constexpr ReadLimit kPage{.events = 1'000, .bytes = 4 << 20};

LogRow row_of(const Stub& stub) {
  LogRow row;
  row.event.position = stub.position;
  row.event.id = stub.id;
  row.event.stream = stub.stream;
  row.event.category = stub.category;
  row.event.version = stub.version;
  row.removed_at = stub.removed_at;
  return row;
}

}  // namespace

Result<std::span<const LogRow>> RowWalk::next() {
  rows_.clear();
  if (reached_ >= until_) return std::span<const LogRow>(rows_);
  const auto page = log_.read_after(reached_, kPage, {});
  if (!page) return fail(page.error());
  std::vector<Stub> stubs;
  if (page->removed > 0) {
    auto found = transfer_.stubs(reached_, page->reached);
    if (!found) return fail(std::move(found.error()));
    stubs = std::move(*found);
  }
  if (auto merged = merge(*page, std::move(stubs)); !merged) return fail(std::move(merged.error()));
  return std::span<const LogRow>(rows_);
}

Status RowWalk::merge(const LogPage& page, std::vector<Stub> stubs) {
  events_ = page.events;
  stubs_ = std::move(stubs);
  auto event = events_->events().begin();
  auto stub = stubs_.cbegin();
  const Position last = std::min(page.reached, until_);
  while (reached_ < last) {
    const Position position = reached_.next();
    if (event != events_->events().end() && event->position == position) {
      rows_.push_back({*event++, std::nullopt});
      // Scavenged since the page was read.
      if (stub != stubs_.cend() && stub->position == position) ++stub;
    } else if (stub != stubs_.cend() && stub->position == position) {
      rows_.push_back(row_of(*stub++));
    } else {
      return fail(nothing_at(position));
    }
    reached_ = position;
  }
  if (rows_.empty()) return fail(nothing_at(reached_.next()));
  return {};
}

Error RowWalk::nothing_at(Position position) {
  const auto floor = log_.floor();
  if (!floor) return floor.error();
  if (position <= *floor) return removed_below(*floor);
  return no_event_at(position);
}

}  // namespace penstock::store::archive
