// Reads the log: pages by position, the head, and where a time stands.
#pragma once

#include "store/hot_tail.h"
#include "store/postgres/session_pool.h"

namespace penstock::store::postgres {

// Thread-safe. Both outlive the reader.
class LogReader {
 public:
  LogReader(SessionPool& pool, const Schema& schema);

  // See EventLog.
  Result<LogPage> read(Position start, Direction direction, ReadLimit limit, const LogFilter& filter);
  Result<std::optional<Position>> first_since(Timestamp time) { return find_time(time, Side::kFirstSince); }
  Result<std::optional<Position>> last_before(Timestamp time) { return find_time(time, Side::kLastBefore); }
  Result<std::optional<EventId>> event_id_at(Position position);
  Result<Position> head();
  Result<Position> floor();

  // An unfiltered page and the store that it is of.
  Result<HotTail::Loaded> read_tail(Position after, const ReadLimit& limit);

 private:
  enum class Side : std::size_t { kFirstSince, kLastBefore };  // columns of times_

  Result<LogPage> read_unfiltered(Position start, Direction direction, const ReadLimit& limit);
  Result<LogPage> read_filtered(Position start, Direction direction, const ReadLimit& limit, const LogFilter& filter);
  Result<std::optional<Position>> find_time(Timestamp time, Side side);
  Status check_begin(Position start, Direction direction);

  SessionPool& pool_;
  const Schema& schema_;
  const Statement head_, floor_, times_, identity_, event_id_;
};

}  // namespace penstock::store::postgres
