// Reads events: streams, ids, and the log by position. Payloads are not copied: a page adopts the
// memory of the query's answer.
#pragma once

#include "store/event_log.h"
#include "store/event_store.h"
#include "store/postgres/session_pool.h"

namespace penstock::store::postgres {

// Thread-safe.
class EventReader {
 public:
  EventReader(SessionPool& pool, const Schema& schema);

  Result<StreamPage> read_stream(std::string_view stream, std::optional<Version> from, Direction direction,
                                 ReadLimit limit);
  Result<std::shared_ptr<const EventBatch>> find(const EventId& id);
  Result<std::vector<StreamSummary>> streams(std::string_view after, std::size_t limit);
  Result<StoreCounts> counts();

  Result<LogPage> read_log(Position start, Direction direction, ReadLimit limit, const LogFilter& filter);
  Result<Position> head();

 private:
  Result<LogPage> read_unfiltered(Position start, Direction direction, ReadLimit limit);
  Result<LogPage> read_filtered(Position start, Direction direction, ReadLimit limit, const LogFilter& filter);

  SessionPool& pool_;
  const Statement stream_version_, stream_forward_, stream_backward_, find_, streams_, counts_, head_;
  const Statement log_forward_, log_backward_;
  // By what the filter names: categories, types, both.
  const Statement filtered_forward_[3], filtered_backward_[3];
};

}  // namespace penstock::store::postgres
