// Deletes rows of the outbox table once they are settled, for a table that nobody else empties.
//
// Rows are found by their ids, which the log brings; one that is gone already is no error. At most
// kRowsPerSecond are deleted, in statements of at most kRowsPerStatement, so that a long backlog doesn't
// take the database from the services. Not promised: that the row of a transaction goes which stands in the
// log for more than 16 ms before others see it (its server process was paused in between). Single-threaded.
#pragma once

#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "connectors/outbox/postgres_columns.h"
#include "connectors/wal/wal_settings.h"
#include "core/clock.h"
#include "core/ids.h"
#include "store/postgres/session.h"

namespace penstock::wal {

class RowRemoval {
 public:
  static constexpr std::size_t kRowsPerStatement = 1'000;
  static constexpr std::size_t kRowsPerSecond = 20'000;

  // `id`: the column that the id of an event comes from.
  RowRemoval(const WalSettings& settings, const outbox::PostgresColumn& id, const Clock& clock);

  // The next event, in read order; nullopt for one whose row stays.
  void handed_out(ReadMark mark, std::optional<std::string> id);
  // Committed when it returns. Errors: those of the session.
  Status remove_up_to(ReadMark mark, store::postgres::Session& session, Duration patience);

 private:
  struct Row {
    ReadMark mark;
    std::optional<std::string> id;
  };

  Status remove(const store::postgres::Parameters& ids, std::size_t wanted, store::postgres::Session& session,
                Duration patience) const;

  const store::postgres::Statement statement_;
  const Clock& clock_;
  std::deque<Row> rows_;
  SteadyTime next_statement_{};
};

}  // namespace penstock::wal
