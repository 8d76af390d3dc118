#include "connectors/outbox/postgres_tracking.h"

#include <utility>

#include "connectors/outbox/postgres_statements.h"
#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

using store::postgres::Call;
using store::postgres::Parameters;
using store::postgres::Rows;

// Ids that wait, at most: a find is made once so many rows, however many there are.
constexpr std::size_t kMostFound = 16'384;
constexpr std::chrono::milliseconds kBetweenLooks{100};

// Gives each row its id for a place, and remembers how far they came.
class Placing final : public RowReceiver {
 public:
  Placing(const TrackedIds& ids, RowReceiver& receiver) : ids_(ids), receiver_(receiver), last_(ids.next() - 1) {}

  void whole_row(const Row& row) override { receiver_.whole_row(placed(row)); }
  void large_row(const Row& row, const RowSize& size, std::optional<std::string_view> key) override {
    receiver_.large_row(placed(row), size, key);
  }

  std::int64_t last() const { return last_; }
  std::size_t rows() const { return rows_; }

 private:
  Row placed(Row row) {
    last_ = row.number;
    ++rows_;
    row.place = ids_.id_of(row.number);
    return row;
  }

  const TrackedIds& ids_;
  RowReceiver& receiver_;
  std::int64_t last_;
  std::size_t rows_ = 0;
};

}  // namespace

PostgresTracking::PostgresTracking(const OutboxSettings& settings, const PostgresColumns& table,
                                   std::span<const PostgresColumn> columns, const RoleColumns& roles, Seat& seat,
                                   const Turn& turn)
    : table_oid_(table.table_oid),
      has_order_(tracked_order(settings) != nullptr),
      find_all_(seat.statement(turn, "outbox_find_all", find_statement(settings, table, Reach::kWholeTable))),
      find_behind_(has_order_ ? seat.statement(turn, "outbox_find", find_statement(settings, table, Reach::kOpenRanges))
                              : store::postgres::Statement()),
      highest_(has_order_ ? seat.statement(turn, "outbox_highest", highest_statement(settings, table))
                          : store::postgres::Statement()),
      fetch_(seat.statement(turn, "outbox_fetch", fetch_statement(settings, table, columns, roles))),
      settle_(seat.statement(turn, "outbox_track", track_statement(settings, table))),
      left_(seat.statement(turn, "outbox_untracked", untracked_statement(settings, table))),
      holders_{"outbox_holders", kLockHoldersStatement} {}

Result<Scanned> PostgresTracking::scan(const Ask& ask, Reach reach, const ScanRoom& room, PostgresIntake& intake,
                                       EventBatchBuilder& builder, RowReceiver& receiver) {
  Scanned scanned{ScanEnd::kExhausted, {}, Reach::kOpenRanges};
  if (ids_.waiting() == 0) {
    const auto found = find(ask, reach);
    if (!found) return fail(found.error());
    scanned.reach = *found;
  }
  if (ids_.waiting() > 0) {
    const auto end = fetch(ask, room, intake, builder, receiver);
    if (!end) return fail(end.error());
    scanned.end = *end;
  }
  if (last_find_ == ScanEnd::kCutShort) scanned.end = ScanEnd::kCutShort;
  return scanned;
}

Result<Reach> PostgresTracking::find(const Ask& ask, Reach wanted) {
  if (auto looked = look_at_holders(ask); !looked) return fail(std::move(looked.error()));
  const bool whole = wanted == Reach::kWholeTable || !mark_;
  Parameters parameters;
  std::vector<std::optional<std::string_view>> in_flight;
  for (const std::string_view id : ids_.in_flight()) in_flight.emplace_back(id);
  parameters.array(store::postgres::SqlType::kTextArray, store::postgres::SqlType::kText, in_flight);
  parameters.int8(static_cast<std::int64_t>(kMostFound));
  if (!whole) parameters.text(*mark_);
  std::vector<Call> calls;
  if (has_order_) calls.push_back({&highest_, nullptr});
  calls.push_back({whole ? &find_all_ : &find_behind_, &parameters});

  const auto answers = ask(calls, whole ? Walk::kWholeTable : Walk::kShort);
  if (!answers) return fail(answers.error());
  const Rows& found = answers->back();
  for (std::size_t row = 0; row < found.size(); ++row) ids_.found(std::string(found.bytes(row, 0)));
  last_find_ = found.size() < kMostFound ? ScanEnd::kExhausted : ScanEnd::kCutShort;
  const bool any = has_order_ && !answers->front().empty();
  if (any && last_find_ == ScanEnd::kExhausted) move_mark(std::string(answers->front().bytes(0, 0)));
  return whole ? Reach::kWholeTable : Reach::kOpenRanges;
}

Status PostgresTracking::look_at_holders(const Ask& ask) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!steps_.wants_holders() || now < next_look_) return {};
  next_look_ = now + kBetweenLooks;
  Parameters oid;
  oid.int8(table_oid_);
  const Call calls[] = {{&holders_, &oid}};
  const auto answers = ask(calls, Walk::kShort);
  if (!answers) return fail(answers.error());
  steps_.saw_holders(holders_in(answers->front()));
  return {};
}

// After a find that saw everything up to `highest`, and whatever else there was.
void PostgresTracking::move_mark(const std::string& highest) {
  const auto take_step = [this] { steps_.scanned({}, {}, ScanEnd::kExhausted, step_); };
  if (step_ > 0) take_step();
  const bool arrived = step_ == 0 || steps_.mark() == step_;
  if (!arrived) return;
  if (step_ > 0) mark_ = next_mark_;
  if (mark_ == highest) return;
  ++step_;
  next_mark_ = highest;
  take_step();
}

Result<ScanEnd> PostgresTracking::fetch(const Ask& ask, const ScanRoom& room, PostgresIntake& intake,
                                        EventBatchBuilder& builder, RowReceiver& receiver) {
  for (;;) {
    FetchBounds bounds = intake.limit().bounds(room);
    const std::vector<std::string_view> ids = ids_.waiting_ids(bounds.rows);
    bounds.rows = ids.size();
    Parameters parameters;
    parameters.texts(ids).int8(ids_.next() - 1).int8(static_cast<std::int64_t>(bounds.column_bytes));
    const Call calls[] = {{&fetch_, &parameters}};
    const auto answers = ask(calls, Walk::kShort);
    if (!answers) return fail(answers.error());
    const Rows& rows = answers->front();
    intake.limit().scanned();
    Placing placing(ids_, receiver);
    const auto end = intake.take_rows(rows, {bounds, {}}, room, placing);
    if (!end) return fail(end.error());
    if (!*end) continue;
    builder.adopt(rows.memory());
    if (placing.rows() > 0) last_row_ = placing.last();
    // Those that were found and are gone are not waited for.
    const bool took_all = placing.rows() == rows.size();
    ids_.hand_out_to(took_all ? ids_.next() - 1 + static_cast<std::int64_t>(ids.size()) : placing.last());
    ids_.gone_behind(last_row_);
    return ids_.waiting() == 0 ? ScanEnd::kExhausted : ScanEnd::kCutShort;
  }
}

std::vector<RowKey> PostgresTracking::keys_of(std::span<const RowKey> rows) const {
  std::vector<RowKey> keys;
  keys.reserve(rows.size());
  for (const RowKey& row : rows) keys.push_back({row.number, Cell::text(ids_.id_of(row.number))});
  return keys;
}

Parameters PostgresTracking::settle_parameters(std::span<const RowKey> keys) {
  std::vector<std::string_view> ids;
  ids.reserve(keys.size());
  for (const RowKey& key : keys) ids.push_back(key.id.bytes);
  Parameters parameters;
  parameters.texts(ids);
  return parameters;
}

void PostgresTracking::settled(std::span<const RowKey> rows) {
  if (!rows.empty()) ids_.settled_to(rows.back().number);
  ids_.gone_behind(last_row_);
}

}  // namespace penstock::outbox
