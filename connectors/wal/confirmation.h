// What may be confirmed to the server: the end of the contiguous settled prefix of transactions, and
// nothing beyond. Pure bookkeeping, without a clock and without a connection.
//
// Events are numbered 1, 2, 3 … in the order of the log; the numbers are the source's read marks. A
// transaction brings the number of its last event when its commit arrives, before any of its events is
// handed out. Whatever brings no event (a heartbeat, a transaction on other tables, a keepalive) brings
// the number of the last event before it, so that it is confirmed as soon as that one is settled: an
// idle database goes on without growing its log.
//
// Two steps, because what is confirmed is forgotten by the server: progress() is what may be made
// durable, and only what was made durable (stored()) is confirmed (status()). Both never move back.
#pragma once

#include <deque>

#include "connectors/wal/lsn.h"
#include "connectors/wal/replication_frames.h"

namespace penstock::wal {

class Confirmation {
 public:
  // `start` is what the last opening made durable.
  explicit Confirmation(const Progress& start);

  // A transaction of `events` events is complete; it ends at `end`. Its first `known` events were
  // settled by an earlier opening and are not handed out again.
  void committed(Lsn end, std::uint64_t events, std::uint64_t known);
  // The server has sent everything that ends at or before `end`.
  void idle_at(Lsn end);
  // All events up to this mark are settled.
  void settled(ReadMark mark);

  // Mark of the last event of the last transaction.
  ReadMark last_mark() const { return ReadMark{last_mark_}; }

  const Progress& progress() const { return progress_; }
  // `progress` is durable.
  void stored(const Progress& progress);
  // Whether progress() holds more than what is durable.
  bool has_news() const { return progress_ != stored_; }
  StandbyStatus status() const;

 private:
  // Once everything up to `last` is settled, everything up to `end` is.
  struct Point {
    std::uint64_t last;
    Lsn end;
    // The transaction that brought the event, and how many it has.
    Lsn commit_end{};
    std::uint64_t events = 0;
  };
  void add(Point point);
  void advance();

  std::deque<Point> points_;  // ascending in both
  std::uint64_t last_mark_ = 0, settled_ = 0;
  Lsn received_;
  Progress progress_, stored_;
};

}  // namespace penstock::wal
