// How policy "track" reads a Postgres outbox: a find asks for the ids of what is not settled, in order, out of one
// snapshot; the rows themselves are fetched by these ids, a page at a time, before there is another find. So all that
// one find showed is delivered in the order of its values, and what was committed after it comes after it.
//
// Where a column gives an order, a find starts at the passed mark and not at the bottom of a table whose settled rows
// stay. The mark moves as the low mark does (low_mark.h): to the highest value there was before a find, once every
// transaction that held a lock on the table after it has ended and one more find has seen what they committed. A time
// is taken at the begin of a transaction rather than when the table is first touched, so with times a find starts a
// little before the mark. What appears below all the same is found by the net, the find that starts at the bottom.
//
// Of one opening. Single-threaded.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/outbox/low_mark.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/postgres_columns.h"
#include "connectors/outbox/postgres_intake.h"
#include "connectors/outbox/shared_session.h"
#include "connectors/outbox/tracked_ids.h"
#include "core/clock.h"

namespace penstock::outbox {

class PostgresTracking {
 public:
  // How long a call may take.
  enum class Walk { kShort, kWholeTable };
  using Ask = std::function<Result<std::vector<store::postgres::Rows>>(std::span<const store::postgres::Call>, Walk)>;

  PostgresTracking(const OutboxSettings& settings, const PostgresColumns& table,
                   std::span<const PostgresColumn> columns, const RoleColumns& roles, Seat& seat, const Turn& turn);

  // As OutboxTable::scan(). The rows' numbers are those of TrackedIds, and their places are their ids.
  Result<Scanned> scan(const Ask& ask, Reach reach, const ScanRoom& room, PostgresIntake& intake,
                       EventBatchBuilder& builder, RowReceiver& receiver);

  const store::postgres::Statement& settle_statement() const { return settle_; }
  const store::postgres::Statement& left_statement() const { return left_; }
  // The rows by their ids, which name them in the next opening too.
  std::vector<RowKey> keys_of(std::span<const RowKey> rows) const;
  static store::postgres::Parameters settle_parameters(std::span<const RowKey> keys);
  void settled(std::span<const RowKey> rows);

 private:
  Result<Reach> find(const Ask& ask, Reach wanted);
  Status look_at_holders(const Ask& ask);
  void move_mark(const std::string& highest);
  Result<ScanEnd> fetch(const Ask& ask, const ScanRoom& room, PostgresIntake& intake, EventBatchBuilder& builder,
                        RowReceiver& receiver);

  const std::int64_t table_oid_;
  const bool has_order_;
  const store::postgres::Statement find_all_, find_behind_, highest_, fetch_, settle_, left_, holders_;
  TrackedIds ids_;
  std::int64_t last_row_ = 0;  // that was handed out
  ScanEnd last_find_ = ScanEnd::kCutShort;

  // The low mark counts values that the mark may move to, one after another, instead of rows.
  LowMark steps_{MarkMoves::kBehindLockHolders};
  std::int64_t step_ = 0;
  std::string next_mark_;            // where step_ leads
  std::optional<std::string> mark_;  // nullopt: below everything
  SteadyTime next_look_{};
};

}  // namespace penstock::outbox
