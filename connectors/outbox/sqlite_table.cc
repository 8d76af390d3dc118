// The outbox table in a SQLite file of another service.
//
// Numbers are drawn under the one write lock and become visible in their order, and deleted rows
// leave nothing behind, so every poll looks from the lowest number on and steps over what is in
// flight. Reads are short: one snapshot a poll, closed before anything else happens.
#include <algorithm>
#include <utility>

#include "connectors/outbox/cell_text.h"
#include "connectors/outbox/outbox_errors.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/sqlite_columns.h"
#include "connectors/outbox/sqlite_file.h"
#include "connectors/outbox/sqlite_lock.h"
#include "connectors/outbox/sqlite_settlement.h"
#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

constexpr std::size_t kLongestKey = 1'024;

// Numbers to step over, ascending. A long run of them is cheaper to jump.
//
// A kept number may have come to name another row since, because SQLite reuses them; so the net looks
// at those rows again, and passes only the ones that are still too large.
class LeftOut {
 public:
  explicit LeftOut(const ScanPlan& plan) : numbers_(plan.in_flight) {
    if (plan.reach == Reach::kWholeTable) return;
    numbers_.resize(plan.in_flight.size() + plan.kept.size());
    std::ranges::merge(plan.in_flight, plan.kept, numbers_.begin());
  }

  // The end of the run of left-out numbers that starts at `number`; nullopt when it is not left out.
  // Called with ascending numbers.
  std::optional<std::int64_t> run_from(std::int64_t number) {
    while (next_ < numbers_.size() && numbers_[next_] < number) ++next_;
    if (next_ == numbers_.size() || numbers_[next_] != number) return std::nullopt;
    std::size_t last = next_;
    while (last + 1 < numbers_.size() && numbers_[last + 1] <= numbers_[last] + 1) ++last;
    return numbers_[last];
  }

 private:
  std::vector<std::int64_t> numbers_;
  std::size_t next_ = 0;
};

// What becomes of a settled row, up to the WHERE. Times are written as SQLite writes its own, in UTC.
std::string settle_verb(const OutboxSettings& settings, const std::string& table, const std::string& id) {
  if (std::holds_alternative<TrackRows>(settings.policy))
    return "INSERT OR IGNORE INTO main." + quoted_identifier(settled_table(settings.table).name) + " (id) SELECT " +
           id + " FROM " + table;
  const auto* mark = std::get_if<MarkRows>(&settings.policy);
  if (mark == nullptr) return "DELETE FROM " + table;
  return "UPDATE " + table + " SET " + quoted_identifier(mark->column) + " = " +
         (mark->value ? quoted_text(*mark->value) : "strftime('%Y-%m-%d %H:%M:%f', 'now')");
}

// What AUTOINCREMENT goes on from, and the id of a row. It counts nothing for a table that never had a row, and not
// what an UPDATE gives.
std::string numbering_statement(const OutboxSettings& settings, const std::string& order, const std::string& id) {
  const std::string from = " FROM main." + quoted_identifier(settings.table.name) + " AS t";
  return "SELECT max(coalesce((SELECT max(q.seq) FROM main.sqlite_sequence AS q WHERE q.name = " +
         quoted_text(settings.table.name) + " COLLATE NOCASE), 0), coalesce((SELECT max(" + order + ")" + from +
         "), 0)), (SELECT " + id + from + " WHERE " + order + " = ?1)";
}

// With policy "track" nobody has to name a column: a file has one writer at a time, so rows appear in the order of
// their rowids.
OutboxSettings with_order(OutboxSettings settings) {
  if (settings.order_by.empty()) settings.order_by = "rowid";
  return settings;
}

class SqliteTable final : public OutboxTable {
 public:
  SqliteTable(const OutboxSettings& settings, Duration patience)
      : settings_(with_order(settings)), patience_(patience), settlement_(settings_) {}

  Status open(Deadline deadline, std::stop_token stop) override;
  void close() override;

  const RowShape& shape() const override { return shape_; }
  MarkMoves mark_moves() const override {
    return keeps_rows() || tracks() ? MarkMoves::kWithReading : MarkMoves::kNever;
  }
  Identity identity() const override { return {}; }

  Result<Scanned> scan(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                       RowReceiver& receiver) override;
  Result<Numbering> numbering(std::optional<std::int64_t> row) override;
  Result<LockHolders> lock_holders() override { return LockHolders(); }
  Result<std::optional<connectors::Blocker>> blocker(const LockHolders&) override {
    return std::optional<connectors::Blocker>();
  }
  Status settle(std::span<const RowKey> rows) override;
  Result<News> look_for_news(std::stop_token stop) override;
  Result<Waited> wait_for_notification(Deadline, std::stop_token) override { return Waited::kNo; }
  Status stay_awake() override { return {}; }
  void give_up() override { given_up_.request_stop(); }

 private:
  bool keeps_rows() const { return std::holds_alternative<KeepRows>(settings_.policy); }
  bool tracks() const { return std::holds_alternative<TrackRows>(settings_.policy); }
  Status check_columns() const;
  Status prepare_statements();
  Result<std::int64_t> data_version();
  bool asks_for_all(const ScanPlan& plan) const;

  enum class Taken { kRow, kNoRoom };
  struct Progress {
    std::size_t rows = 0, bytes = 0;
  };
  Result<Scanned> scan_snapshot(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                                RowReceiver& receiver);
  Result<ScanEnd> scan_rows(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                            RowReceiver& receiver);
  Taken take_row(std::int64_t number, const ScanPlan& plan, const ScanRoom& room, Progress& progress,
                 EventBatchBuilder& builder, RowReceiver& receiver);
  // The first row from a number on, without reading it: for one that is too big to be stepped on.
  struct Measured {
    std::int64_t number;
    RowSize size;  // nothing where the table has no rowid
  };
  Result<Measured> measure_row(std::int64_t from);
  void limit_row_bytes();

  const OutboxSettings settings_;
  const Duration patience_;
  std::stop_source given_up_;
  std::stop_token reading_;  // of the read that is under way
  FileLock lock_;
  SqliteFile file_;
  RowShape shape_;
  SqliteColumns columns_;
  RoleColumns roles_;
  SqliteStatement select_, next_number_, version_, numbering_;
  SqliteSettlement settlement_;
  std::vector<Cell> cells_;
  std::optional<std::int64_t> exhausted_version_;  // nothing was left at that version
};

Status SqliteTable::open(Deadline deadline, std::stop_token stop) {
  close();
  const LockPatience patience{deadline, std::move(stop)};
  auto file = SqliteFile::open(settings_.sqlite_path, patience, given_up_.get_token());
  if (!file) return fail(std::move(file.error()));
  file_ = *std::move(file);
  auto columns = load_sqlite_columns(file_, settings_.table);
  if (!columns) return fail(std::move(columns.error()));
  columns_ = *std::move(columns);
  if (auto checked = check_columns(); !checked) return checked;
  auto lock = FileLock::take(lock_path_of(settings_.sqlite_path, settings_.table.name));
  if (!lock) return fail(std::move(lock.error()));
  lock_ = *std::move(lock);

  shape_ = shape_of(columns_, settings_);
  auto roles = find_role_columns(settings_, shape_);
  if (!roles) return fail(std::move(roles.error()));
  roles_ = *roles;
  cells_.resize(shape_.columns.size());
  if (auto prepared = prepare_statements(); !prepared) return prepared;
  return settlement_.catch_up(file_, patience);
}

Status SqliteTable::check_columns() const {
  const std::string where = "table " + settings_.table.name + " of " + settings_.sqlite_path;
  if (columns_.columns.empty()) return fail(codes::kOutboxTableMissing, "there is no " + where);
  if (const std::string why = columns_.why_not_ordered_by(settings_.order_by); !why.empty())
    return fail(codes::kOutboxOrderMissing,
                where + ": " + why + ". " + statement_that_adds_order_column(Backend::kSqlite, settings_.table, "seq"));
  if (keeps_rows() && !columns_.numbers_ascend(settings_.order_by))
    return fail(codes::kOutboxOrderMissing,
                where + ": policy \"cursor\" needs numbers that never come again, and only AUTOINCREMENT gives them. " +
                    statement_that_adds_order_column(Backend::kSqlite, settings_.table, "seq"));
  if (tracks())
    if (const std::string why = why_not_tracked(columns_, settings_); !why.empty())
      return fail(codes::kOutboxTableMissing, where + ": " + why);
  return {};
}

Status SqliteTable::prepare_statements() {
  const auto column = [](const std::string& name) { return std::string(kOutboxRow) + quoted_identifier(name); };
  const std::string table = "main." + quoted_identifier(settings_.table.name) + " AS t";
  const std::string order = column(settings_.order_by);
  const std::string id = column(shape_.columns[roles_.id()].name);
  const std::string condition = unread_condition(settings_, kOutboxRow);
  const std::string unread = condition.empty() ? "" : " AND " + condition;
  std::string select = "SELECT " + order;
  for (const ColumnShape& one : shape_.columns) select += ", " + column(one.name);
  select += " FROM " + table + " WHERE " + order + " >= ?1 AND " + order + " <= ?2" + unread + " ORDER BY " + order;
  const std::string rowid = columns_.has_rowid ? "t.rowid" : "NULL";
  // A number with a fraction is handed on as text, and has to be found again by it.
  const std::string row = " WHERE " + order + " = ?1 AND (" + id + " IS ?2 OR (typeof(" + id + ") = 'real' AND CAST(" +
                          id + " AS TEXT) IS ?2))";
  SqliteStatement settle, left;
  const std::pair<SqliteStatement*, std::string> statements[] = {
      {&select_, select},
      {&next_number_, "SELECT " + order + ", " + rowid + " FROM " + table + " WHERE " + order + " >= ?1" + unread +
                          " ORDER BY " + order + " LIMIT 1"},
      {&settle, settle_verb(settings_, table, id) + row},
      {&left, "SELECT 1 FROM " + table + row + unread},
      {&version_, "PRAGMA data_version"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = file_.prepare(sql);
    if (!prepared) return fail(std::move(prepared.error()));
    *statement = *std::move(prepared);
  }
  settlement_.prepare(std::move(settle), std::move(left));
  if (!keeps_rows()) return {};
  auto numbering = file_.prepare(numbering_statement(settings_, order, id));
  if (!numbering) return fail(std::move(numbering.error()));
  numbering_ = *std::move(numbering);
  return {};
}

void SqliteTable::close() {
  for (SqliteStatement* statement : {&select_, &next_number_, &version_, &numbering_}) *statement = SqliteStatement();
  settlement_.close();
  file_ = SqliteFile();
  lock_ = FileLock();
  exhausted_version_.reset();
}

Result<std::int64_t> SqliteTable::data_version() {
  const auto step = version_.step();
  if (!step) return fail(step.error());
  const std::int64_t version = version_.integer(0);
  version_.reset();
  return version;
}

// A file that is locked can't be looked at, so this is where a read mostly waits. One that was replaced has no news
// for ever.
Result<OutboxTable::News> SqliteTable::look_for_news(std::stop_token stop) {
  reading_ = stop;
  if (auto there = file_.check_in_place(); !there) return fail(std::move(there.error()));
  file_.be_patient({Deadline::in(patience_), stop});
  const auto version = data_version();
  if (!version && stop.stop_requested()) return News::kNone;
  if (!version) return fail(version.error());
  return exhausted_version_ == *version ? News::kNone : News::kUnknown;
}

Result<Scanned> SqliteTable::scan(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                                  RowReceiver& receiver) {
  file_.be_patient({Deadline::in(patience_), reading_});
  auto scanned = scan_snapshot(plan, room, builder, receiver);
  // Locks are waited for before there is a snapshot: no row has been seen.
  const bool was_stopped = !scanned && &scanned.error().code() == &codes::kStopped;
  if (was_stopped && !given_up_.stop_requested()) return Scanned{ScanEnd::kCutShort, {}};
  return scanned;
}

Result<Scanned> SqliteTable::scan_snapshot(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                                           RowReceiver& receiver) {
  // Read before the snapshot is taken: a commit in between makes the next poll look again.
  exhausted_version_.reset();
  const auto version = data_version();
  if (!version) return fail(version.error());
  if (auto begun = file_.execute("BEGIN"); !begun) return fail(std::move(begun.error()));
  limit_row_bytes();
  auto end = scan_rows(plan, room, builder, receiver);
  select_.reset();
  file_.limit_value_bytes(std::numeric_limits<int>::max());
  auto numbers = end && plan.numbering ? numbering(plan.numbering->row) : Numbering{};
  auto ended = file_.execute("COMMIT");
  if (!end) return fail(std::move(end.error()));
  if (!numbers) return fail(std::move(numbers.error()));
  if (!ended) return fail(std::move(ended.error()));
  if (*end == ScanEnd::kExhausted && asks_for_all(plan)) exhausted_version_ = *version;
  return Scanned{*end, std::nullopt, plan.reach, *std::move(numbers)};
}

// Only the net asks for what lies below what was read, and for kept rows. A cursor has none; it asks for what lies
// beyond many holes when they are passed.
bool SqliteTable::asks_for_all(const ScanPlan& plan) const {
  if (keeps_rows()) return plan.ranges.back().last == kHighestNumber;
  return plan.starts_at_bottom() && (plan.reach == Reach::kWholeTable || plan.kept.empty());
}

Result<Numbering> SqliteTable::numbering(std::optional<std::int64_t> row) {
  numbering_.bind(1, row ? Cell::integer(*row) : Cell::null());
  const auto step = numbering_.step();
  if (!step) return fail(step.error());
  Numbering found;
  found.given = numbering_.integer(0);
  std::string scratch;
  if (const auto id = text_of(numbering_.cell(1), scratch)) found.row_id = std::string(*id);
  numbering_.reset();
  return found;
}

Result<ScanEnd> SqliteTable::scan_rows(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                                       RowReceiver& receiver) {
  constexpr std::int64_t kWorthAJump = 16;
  Progress progress;
  LeftOut left_out(plan);
  for (const NumberRange& range : plan.ranges) {
    std::int64_t next = range.first;
    bool jump = true;
    for (;;) {
      if (jump) {
        select_.reset();
        select_.bind(1, next);
        select_.bind(2, range.last);
      }
      const auto step = select_.step();
      if (step && *step == SqliteStatement::Step::kDone) break;
      if (!step && !file_.last_was_too_big()) return fail(step.error());
      std::optional<Measured> unreadable;
      if (!step) {
        const auto measured = measure_row(next);
        if (!measured) return fail(measured.error());
        unreadable = *measured;
      } else if (!select_.is_integer(0)) {
        return fail(codes::kOutboxOrderMissing,
                    "table " + settings_.table.name + " has a row whose `" + settings_.order_by + "` is no integer");
      }
      const std::int64_t number = unreadable ? unreadable->number : select_.integer(0);
      const auto run_end = left_out.run_from(number);
      if (!run_end && progress.rows == room.rows) return ScanEnd::kCutShort;
      if (!run_end && unreadable && !std::ranges::binary_search(plan.kept, number)) {
        receiver.large_row({number, {}}, unreadable->size, std::nullopt);
        ++progress.rows;
      }
      if (!run_end && !unreadable && take_row(number, plan, room, progress, builder, receiver) == Taken::kNoRoom)
        return ScanEnd::kCutShort;
      const std::int64_t passed = run_end.value_or(number);
      if (passed >= range.last) break;
      jump = unreadable || passed - number >= kWorthAJump;
      next = passed + 1;
    }
  }
  return ScanEnd::kExhausted;
}

SqliteTable::Taken SqliteTable::take_row(std::int64_t number, const ScanPlan& plan, const ScanRoom& room,
                                         Progress& progress, EventBatchBuilder& builder, RowReceiver& receiver) {
  RowSize size;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    cells_[i] = select_.cell(static_cast<int>(i) + 1);
    (roles_[Role::kPayload] == i ? size.payload : size.others) += cells_[i].bytes.size();
  }
  const bool kept = std::ranges::binary_search(plan.kept, number);
  // Of a row without an id nothing can be remembered but its number.
  if (kept && tracks() && cells_[roles_.id()].is == Cell::Is::kNull) return Taken::kRow;
  if (is_too_large(size, settings_.event_bytes)) {
    if (kept) return Taken::kRow;
    const auto key = roles_[Role::kAggregateId];
    const bool short_text = key && cells_[*key].is == Cell::Is::kText && cells_[*key].bytes.size() <= kLongestKey;
    receiver.large_row({number, {}}, size, short_text ? std::optional(cells_[*key].bytes) : std::nullopt);
    ++progress.rows;
    return Taken::kRow;
  }
  const std::size_t bytes = kRowOverhead + size.total();
  const bool always = progress.rows == 0 && room.first_row == ScanRoom::FirstRow::kAlways;
  if (progress.bytes + bytes > room.bytes && !always) return Taken::kNoRoom;
  progress.bytes += bytes;
  ++progress.rows;
  for (Cell& cell : cells_)
    if (!cell.bytes.empty()) cell.bytes = builder.keep(cell.bytes);
  receiver.whole_row({number, cells_});
  return Taken::kRow;
}

Result<SqliteTable::Measured> SqliteTable::measure_row(std::int64_t from) {
  file_.limit_value_bytes(std::numeric_limits<int>::max());
  next_number_.reset();
  next_number_.bind(1, from);
  const auto step = next_number_.step();
  if (!step) return fail(step.error());
  Measured measured{next_number_.integer(0), {}};
  const std::int64_t rowid = next_number_.integer(1);
  const bool has_rowid = !next_number_.is_null(1);
  next_number_.reset();
  if (has_rowid)
    for (std::size_t i = 0; i < shape_.columns.size(); ++i)
      (roles_[Role::kPayload] == i ? measured.size.payload : measured.size.others) +=
          file_.value_bytes(settings_.table.name, shape_.columns[i].name, rowid).value_or(0);
  limit_row_bytes();
  return measured;
}

// What SQLite refuses to load, so that a huge row costs no memory. A little more than the largest
// row that we take.
void SqliteTable::limit_row_bytes() { file_.limit_value_bytes(2 * settings_.event_bytes + kOtherColumnsBytes + 4'096); }

// Rows of a file that was replaced are not remembered for the next opening: its rows may only look the same.
Status SqliteTable::settle(std::span<const RowKey> rows) {
  if (auto there = file_.check_in_place(); !there) return there;
  return settlement_.settle(file_, rows, {Deadline::in(patience_), given_up_.get_token()});
}

}  // namespace

std::unique_ptr<OutboxTable> make_sqlite_table(const OutboxSettings& settings, Duration patience) {
  return std::make_unique<SqliteTable>(settings, patience);
}

}  // namespace penstock::outbox
