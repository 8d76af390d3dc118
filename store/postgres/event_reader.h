// Reads streams and single events, lists streams, and counts. The log by position: log_reader.h.
#pragma once

#include "store/event_store.h"
#include "store/postgres/session_pool.h"

namespace penstock::store::postgres {

// Thread-safe.
class EventReader {
 public:
  EventReader(SessionPool& pool, const Schema& schema);

  // See EventStore.
  Result<StreamPage> read_stream(std::string_view stream, std::optional<Version> from, Direction direction,
                                 ReadLimit limit);
  Result<std::shared_ptr<const EventBatch>> find(const EventId& id);
  Result<EventRef> find_in(std::string_view stream, const EventId& id);
  Result<std::vector<StreamSummary>> streams(const StreamQuery& query);
  Result<StoreCounts> counts();
  Result<std::vector<KindCount>> kinds();

 private:
  SessionPool& pool_;
  const Statement stream_, stream_forward_, stream_backward_, find_, find_in_, streams_, counts_;
  const Statement count_kinds_, kinds_;
};

}  // namespace penstock::store::postgres
