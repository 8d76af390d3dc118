// Deletes rows of the outbox table once they are settled, for a table that nobody else empties.
//
// Rows are found by their ids, which the log brings; one that is gone already is no error. So a row must be
// handed in only once it is visible (connectors/wal/visibility_gate.h): one that is not yet would be taken for
// gone, and stay for ever. At most kRowsPerSecond are deleted, in statements of at most kRowsPerStatement, so
// that a long backlog doesn't take the database from the services. Single-threaded.
#pragma once

#include <deque>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
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

  // Deletes nothing, as remove_up_to() does: what will fail then fails now.
  Status try_out(store::postgres::Session& session, Deadline deadline, const std::stop_token& stop) const;
  // The next event, in read order; nullopt for one whose row stays.
  void handed_out(ReadMark mark, std::optional<std::string> id);
  // Committed when it returns. `patience`: for one statement. Errors: those of the session.
  Status remove_up_to(ReadMark mark, store::postgres::Session& session, Duration patience, const std::stop_token& stop);

 private:
  struct Row {
    ReadMark mark;
    std::optional<std::string> id;
  };

  Status remove(const std::vector<std::string_view>& ids, store::postgres::Session& session, Deadline deadline,
                const std::stop_token& stop) const;

  const store::postgres::Statement statement_;
  const Clock& clock_;
  std::deque<Row> rows_;
  SteadyTime next_statement_{};
};

}  // namespace penstock::wal
