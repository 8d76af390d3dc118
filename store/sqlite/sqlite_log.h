// EventLog over a SQLite file.
#pragma once

#include "store/hot_tail.h"
#include "store/sqlite/head_watch.h"
#include "store/sqlite/log_query.h"
#include "store/sqlite/sqlite_checkpoints.h"

namespace penstock::store::sqlite {

class SqliteLog final : public EventLog {
 public:
  SqliteLog(Database& database, HeadWatch& watch, std::size_t tail_bytes);

  Result<LogPage> read_after(Position after, ReadLimit limit, const LogFilter& filter) override;
  Result<LogPage> read_before(Position before, ReadLimit limit, const LogFilter& filter) override;
  Result<std::optional<Position>> first_since(Timestamp time) override;
  Result<std::optional<Position>> last_before(Timestamp time) override;
  Result<std::optional<EventId>> event_id_at(Position position) override;
  std::uint64_t generation() override { return kOnlyGeneration; }
  Result<Position> head() override { return read_head(database_); }
  Result<Position> floor() override;
  Result<Position> wait_beyond(Position position, Deadline deadline, std::stop_token stop) override {
    return watch_.wait_beyond(position, deadline, std::move(stop));
  }

 private:
  Result<LogPage> read_table_after(Position after, const ReadLimit& limit, const LogFilter& filter);
  Result<HotTail::Loaded> read_tail(Position after, const ReadLimit& limit);

  Database& database_;
  HeadWatch& watch_;
  HotTail tail_;
};

}  // namespace penstock::store::sqlite
