// EventStore over a SQLite file.
#pragma once

#include "store/append_queue.h"
#include "store/event_store.h"
#include "store/sqlite/batch_writer.h"

namespace penstock::store::sqlite {

class SqliteEvents final : public EventStore {
 public:
  SqliteEvents(Database& database, HeadWatch& watch, const AppendQueueSettings& settings)
      : database_(database), writer_(database, watch), queue_(writer_, settings) {}

  // Tries what is queued until then, refuses the rest.
  void stop(Deadline deadline) { queue_.stop(deadline); }

  void append(AppendRequest request, Deadline deadline, AppendDone done) override;
  void append_many(std::vector<AppendRequest> requests, Deadline deadline, AppendQueue::Done done) override;
  Result<StreamPage> read_stream(std::string_view stream, std::optional<Version> from, Direction direction,
                                 ReadLimit limit) override;
  Result<std::shared_ptr<const EventBatch>> find(const EventId& id) override;
  Result<EventRef> find_in(std::string_view stream, const EventId& id) override;
  Result<std::vector<StreamSummary>> streams(const StreamQuery& query) override;
  Result<StoreCounts> counts() override;
  Result<std::vector<KindCount>> kinds() override;

 private:
  Database& database_;
  BatchWriter writer_;
  AppendQueue queue_;
};

}  // namespace penstock::store::sqlite
