#include "connectors/wal/confirmation.h"

#include <algorithm>

#include "core/invariant.h"

namespace penstock::wal {

Confirmation::Confirmation(const Progress& start) : received_(start.settled), progress_(start), stored_(start) {}

void Confirmation::committed(Lsn end, std::uint64_t events, std::uint64_t known) {
  INVARIANT(known <= events, "no more events of a transaction are known than it has");
  last_mark_ += events - known;
  add({last_mark_, end, end, events});
}

void Confirmation::idle_at(Lsn end) { add({last_mark_, end}); }

void Confirmation::add(Point point) {
  received_ = std::max(received_, point.end);
  // Two that wait for the same event are one, the later: what lies between them brings nothing.
  if (!points_.empty() && points_.back().last == point.last) {
    points_.back().end = std::max(points_.back().end, point.end);
  } else {
    points_.push_back(point);
  }
  advance();
}

void Confirmation::settled(ReadMark mark) {
  INVARIANT(mark.value <= last_mark_, "only what was read can be settled");
  settled_ = std::max(settled_, mark.value);
  advance();
}

void Confirmation::advance() {
  while (!points_.empty() && points_.front().last <= settled_) {
    progress_.settled = std::max(progress_.settled, points_.front().end);
    points_.pop_front();
  }
  if (progress_.partial.commit_end <= progress_.settled) progress_.partial = {};
  if (points_.empty() || points_.front().events == 0) return;
  const Point& next = points_.front();
  const std::uint64_t unsettled = next.last - settled_;
  if (unsettled < next.events) progress_.partial = {next.commit_end, next.events - unsettled};
}

void Confirmation::stored(const Progress& progress) {
  INVARIANT(progress.settled <= progress_.settled, "only what is settled can have been stored");
  if (progress.settled >= stored_.settled) stored_ = progress;
}

StandbyStatus Confirmation::status() const {
  return {std::max(received_, stored_.settled), stored_.settled, stored_.settled};
}

}  // namespace penstock::wal
