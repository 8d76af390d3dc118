// The outbox table in a Postgres database: one session that holds the lock, reads, settles
// and listens. When it is lost, everything that hung on it is over.
#include <algorithm>
#include <bit>
#include <charconv>
#include <memory>
#include <utility>

#include "connectors/outbox/cell_text.h"
#include "connectors/outbox/outbox_errors.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/postgres_columns.h"
#include "connectors/outbox/postgres_statements.h"
#include "connectors/outbox/sign_of_life.h"
#include "core/failpoint.h"
#include "store/postgres/session.h"

namespace penstock::outbox {
namespace {

using store::postgres::Parameters;
using store::postgres::Rows;
using store::postgres::Session;
using store::postgres::SessionSettings;
using store::postgres::SqlType;
using store::postgres::Statement;

// The server ends a session that says nothing for so long, so that a paused owner loses the lock;
// a living one makes a round trip each second.
constexpr std::chrono::seconds kIdleSessionTimeout{5};
constexpr std::chrono::milliseconds kQuietBeforePing{900};

constexpr std::chrono::seconds kCallDeadline{12};
// A scan from the lowest number on passes every dead row that vacuum has not removed.
constexpr std::chrono::seconds kStatementTimeout{60};
constexpr std::chrono::seconds kLongCallDeadline{65};

constexpr std::size_t kSmallestFetch = 1 << 20;  // bytes of one answer that are always allowed
constexpr std::size_t kSmallestColumnLimit = 2 << 10;
constexpr int kScansBeforeShrinking = 64;
constexpr std::size_t kLongestKey = 1'024;

// Bounds an answer in bytes: so many rows, times the longest column that is let through. Grows at
// once when a longer value has to be fetched, shrinks slowly.
class FetchLimit {
 public:
  explicit FetchLimit(std::size_t largest) : largest_(largest) {}

  std::size_t column_bytes() const { return column_bytes_; }
  std::size_t rows(const ScanRoom& room) const {
    const std::size_t fetch = std::max(room.bytes, kSmallestFetch);
    return std::clamp<std::size_t>(fetch / column_bytes_, 1, room.rows);
  }
  void let_through(std::size_t bytes) {
    column_bytes_ = std::min(std::bit_ceil(std::max(bytes, kSmallestColumnLimit)), largest_);
    scans_since_ = 0;
  }
  void scanned() {
    if (++scans_since_ < kScansBeforeShrinking) return;
    column_bytes_ = std::max(column_bytes_ / 2, kSmallestColumnLimit);
    scans_since_ = 0;
  }

 private:
  const std::size_t largest_;
  std::size_t column_bytes_ = kSmallestColumnLimit;
  int scans_since_ = 0;
};

class PostgresTable final : public OutboxTable {
 public:
  PostgresTable(const OutboxSettings& settings, std::string application_name)
      : settings_(settings),
        application_name_(std::move(application_name)),
        fetch_(settings.event_bytes + kOtherColumnsBytes) {}

  Status open(Deadline deadline, std::stop_token stop) override;
  void close() override { session_.reset(); }

  const RowShape& shape() const override { return shape_; }
  MarkMoves mark_moves() const override { return MarkMoves::kBehindLockHolders; }
  Identity identity() const override {
    const auto& server = session_->server();
    return {server.system_identifier + "/" + std::to_string(table_.table_oid), server.timeline};
  }

  Result<ScanEnd> scan(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                       RowReceiver& receiver) override;
  Result<std::optional<std::int64_t>> last_drawn() override;
  Result<LockHolders> lock_holders() override;
  Result<std::optional<connectors::Blocker>> blocker(const LockHolders& awaited) override;
  Status settle(std::span<const RowKey> rows) override;
  Result<News> look_for_news() override { return News::kUnknown; }
  Result<Waited> wait_for_notification(Deadline deadline, std::stop_token stop) override;
  Status stay_awake() override;
  void give_up() override { given_up_.request_stop(); }

 private:
  Status connect(Deadline deadline, std::stop_token stop);
  Status take_lock(Deadline deadline, std::stop_token stop);
  void prepare_statements();
  // Does with no row what will be done with settled ones: what fails then fails now.
  Status try_settle(Deadline deadline, std::stop_token stop);
  Parameters settle_parameters(std::span<const RowKey> rows) const;

  SessionSettings session_settings() const;
  Result<Rows> run(const Statement& statement, const Parameters& parameters);
  Result<Rows> run_scan(const ScanPlan& plan, const Parameters& parameters);

  // How one row of an answer came.
  enum class Verdict { kWhole, kTooLarge, kHeldBack };
  struct Measured {
    Verdict verdict;
    std::size_t bytes;           // of the whole row
    std::size_t longest_column;  // at most
  };
  Measured measure(const Rows& rows, std::size_t row) const;
  // nullopt: nothing was taken, because the first row has a column that is longer than what was let
  // through; ask again.
  Result<std::optional<ScanEnd>> take_rows(const Rows& rows, std::size_t limit, const ScanRoom& room,
                                           RowReceiver& receiver);
  void take_large_row(const XidPlace& place, std::size_t bytes, RowReceiver& receiver);
  Cell cell_of(const Rows& rows, std::size_t row, std::size_t column) const;
  bool keeps_rows() const { return std::holds_alternative<KeepRows>(settings_.policy); }
  Parameters scan_parameters(const ScanPlan& plan, std::size_t rows, std::size_t column_bytes) const;
  bool is_too_large(std::size_t payload, std::size_t others) const {
    return payload > settings_.event_bytes || others > settings_.event_bytes + kOtherColumnsBytes;
  }

  const OutboxSettings settings_;
  const std::string application_name_;
  std::unique_ptr<Session> session_;
  PostgresColumns table_;
  std::vector<PostgresColumn> columns_;  // as in shape_
  RowShape shape_;
  RoleColumns roles_;
  Statement scan_, settle_, holders_, blocker_, drawn_;
  FetchLimit fetch_;
  std::vector<Cell> cells_;
  SteadyTime last_round_trip_{};
  std::stop_source given_up_;
};

Status PostgresTable::open(Deadline deadline, std::stop_token stop) {
  close();
  if (auto connected = connect(deadline, stop); !connected) return connected;
  auto table = load_postgres_columns(*session_, settings_, deadline, stop);
  if (!table) return fail(std::move(table.error()));
  table_ = *std::move(table);
  if (auto checked = check_postgres_columns(table_, settings_); !checked) return checked;

  columns_ = columns_to_read(table_, settings_);
  shape_ = RowShape{settings_.order_by, {}};
  for (const PostgresColumn& column : columns_) shape_.columns.push_back({column.name, column.type});
  auto roles = find_role_columns(settings_, shape_);
  if (!roles) return fail(std::move(roles.error()));
  roles_ = *roles;
  cells_.resize(columns_.size());
  prepare_statements();

  if (auto locked = take_lock(deadline, stop); !locked) return locked;
  if (!keeps_rows())
    if (auto tried = try_settle(deadline, stop); !tried) return tried;
  if (settings_.listen.empty()) return {};
  const auto listening = session_->execute("LISTEN " + quoted_identifier(settings_.listen), deadline, stop);
  if (!listening) return fail(listening.error());
  return {};
}

SessionSettings PostgresTable::session_settings() const {
  SessionSettings session;
  session.url = settings_.url;
  session.application_name = application_name_;
  session.code_of = code_of_postgres;
  session.statement_timeout = kStatementTimeout;
  session.idle_session_timeout = kIdleSessionTimeout;
  session.parameters = scan_session_parameters();
  return session;
}

Status PostgresTable::connect(Deadline deadline, std::stop_token stop) {
  auto opened = Session::open(session_settings(), deadline, stop);
  if (!opened) return fail(std::move(opened.error()));
  session_ = *std::move(opened);
  last_round_trip_ = std::chrono::steady_clock::now();
  if (session_->server().role == store::postgres::ServerFacts::Role::kStandby)
    return fail(codes::kOutboxUnavailable, "the server is a standby, where no row can be settled");
  return {};
}

Status PostgresTable::take_lock(Deadline deadline, std::stop_token stop) {
  Parameters oid;
  oid.int8(table_.table_oid);
  const auto locked = session_->run({"", kTryLockStatement}, oid, deadline, stop);
  if (!locked) return fail(locked.error());
  if (locked->boolean(0, 0)) return {};
  return fail(codes::kOutboxLocked, "another relay holds the lock of table " + settings_.table.to_string());
}

void PostgresTable::prepare_statements() {
  scan_ = {"outbox_scan", xid_column(settings_.policy) == nullptr ? scan_statement(settings_, table_, columns_, roles_)
                                                                  : xid_scan_statement(settings_, columns_, roles_)};
  if (!keeps_rows()) settle_ = {"outbox_settle", settle_statement(settings_, table_, columns_[roles_.id()])};
  blocker_ = {"outbox_blocker",
              xid_column(settings_.policy) == nullptr ? kBlockerStatement : xid_blocker_statement(settings_)};
  holders_ = {"outbox_holders", kLockHoldersStatement};
  drawn_ = {"outbox_drawn", "SELECT pg_sequence_last_value($1::int8::oid::regclass)"};
}

Result<Rows> PostgresTable::run(const Statement& statement, const Parameters& parameters) {
  auto rows = session_->run(statement, parameters, Deadline::in(kCallDeadline), given_up_.get_token());
  last_round_trip_ = std::chrono::steady_clock::now();
  return rows;
}

Result<Rows> PostgresTable::run_scan(const ScanPlan& plan, const Parameters& parameters) {
  if (!plan.starts_at_bottom()) return run(scan_, parameters);
  auto rows = run_while_alive(*session_, session_settings(), scan_, parameters, Deadline::in(kLongCallDeadline),
                              given_up_.get_token());
  last_round_trip_ = std::chrono::steady_clock::now();
  return rows;
}

Parameters PostgresTable::scan_parameters(const ScanPlan& plan, std::size_t rows, std::size_t column_bytes) const {
  Parameters parameters;
  if (plan.behind) {
    parameters.text(std::to_string(plan.behind->xid)).int8(plan.behind->number);
  } else {
    std::vector<std::int64_t> firsts, lasts, left_out(plan.in_flight.size() + plan.kept.size());
    for (const NumberRange& range : plan.ranges) {
      firsts.push_back(range.first);
      lasts.push_back(range.last);
    }
    std::ranges::merge(plan.in_flight, plan.kept, left_out.begin());
    parameters.int8s(firsts).int8s(lasts).int8s(left_out);
  }
  parameters.int8(static_cast<std::int64_t>(rows)).int8(static_cast<std::int64_t>(column_bytes));
  return parameters;
}

Result<ScanEnd> PostgresTable::scan(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                                    RowReceiver& receiver) {
  for (;;) {
    const std::size_t limit = fetch_.rows(room), column_limit = fetch_.column_bytes();
    const Parameters parameters = scan_parameters(plan, limit, column_limit);
    const auto rows = run_scan(plan, parameters);
    if (!rows) return fail(rows.error());
    fetch_.scanned();
    const auto end = take_rows(*rows, limit, room, receiver);
    if (!end) return fail(end.error());
    if (!*end) continue;
    builder.adopt(rows->memory());
    return **end;
  }
}

PostgresTable::Measured PostgresTable::measure(const Rows& rows, std::size_t row) const {
  const auto payload = static_cast<std::size_t>(rows.integer(row, static_cast<std::size_t>(ScanColumn::kPayloadBytes)));
  const auto others = static_cast<std::size_t>(rows.integer(row, static_cast<std::size_t>(ScanColumn::kOtherBytes)));
  std::size_t guarded = 0, unguarded = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const bool by_length = columns_[i].guard == PostgresColumn::Guard::kByLength;
    (by_length ? guarded : unguarded) += rows.bytes(row, kFirstTableColumn + i).size();
  }
  // What was held back is missing in what was received.
  Verdict verdict = guarded < payload + others ? Verdict::kHeldBack : Verdict::kWhole;
  if (is_too_large(payload, others)) verdict = Verdict::kTooLarge;
  return {verdict, kRowOverhead + payload + others + unguarded, std::max(payload, others)};
}

Result<std::optional<ScanEnd>> PostgresTable::take_rows(const Rows& rows, std::size_t limit, const ScanRoom& room,
                                                        RowReceiver& receiver) {
  std::size_t taken_bytes = 0;
  bool always = room.first_row == ScanRoom::FirstRow::kAlways;
  XidPlace previous;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::int64_t number = rows.integer(row, static_cast<std::size_t>(ScanColumn::kNumber));
    const XidPlace place{rows.integer(row, static_cast<std::size_t>(ScanColumn::kXid)), number};
    if (place < previous) return fail(codes::kInternal, "the answer of a scan is not in order");
    previous = place;
    const Measured measured = measure(rows, row);
    if (measured.verdict != Verdict::kTooLarge && taken_bytes + measured.bytes > room.bytes && !always)
      return std::optional(ScanEnd::kCutShort);
    if (measured.verdict == Verdict::kHeldBack) {
      fetch_.let_through(measured.longest_column);
      return row == 0 ? std::nullopt : std::optional(ScanEnd::kCutShort);
    }
    for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i] = cell_of(rows, row, i);
    if (measured.verdict == Verdict::kTooLarge) {
      take_large_row(place, measured.bytes, receiver);
      continue;
    }
    receiver.whole_row({number, cells_, place.xid});
    taken_bytes += measured.bytes;
    always = false;
  }
  return std::optional(rows.size() < limit ? ScanEnd::kExhausted : ScanEnd::kCutShort);
}

void PostgresTable::take_large_row(const XidPlace& place, std::size_t bytes, RowReceiver& receiver) {
  std::optional<std::string_view> key;
  if (const auto column = roles_[Role::kAggregateId])
    if (cells_[*column].is == Cell::Is::kText && cells_[*column].bytes.size() <= kLongestKey)
      key = cells_[*column].bytes;
  receiver.large_row(place, bytes, key);
}

Cell PostgresTable::cell_of(const Rows& rows, std::size_t row, std::size_t column) const {
  const std::size_t at = kFirstTableColumn + column;
  if (rows.is_null(row, at)) return Cell::null();
  switch (columns_[column].type) {
    case ColumnType::kUuid: return Cell::uuid(rows.bytes(row, at));
    case ColumnType::kBytes: return Cell::blob(rows.bytes(row, at));
    case ColumnType::kInteger: return Cell::integer(rows.integer(row, at));
    case ColumnType::kTime: {
      // The ends of the range stand for -infinity and infinity.
      const std::int64_t time = rows.integer(row, at);
      if (time == kLowestNumber || time == kHighestNumber) return Cell::time(time);
      return Cell::time(store::postgres::from_postgres_time(time).time_since_epoch().count());
    }
    case ColumnType::kText:
    case ColumnType::kJson:
    case ColumnType::kNumber:
    case ColumnType::kBoolean:
    case ColumnType::kDynamic: return Cell::text(rows.bytes(row, at));
  }
  return Cell::null();
}

// A sequence that hands out numbers in advance (CACHE) says nothing about those that are drawn.
Result<std::optional<std::int64_t>> PostgresTable::last_drawn() {
  const auto& sequence = table_.order_sequence;
  if (!sequence || !sequence->may_read || sequence->cache > 1) return std::optional<std::int64_t>();
  Parameters oid;
  oid.int8(sequence->oid);
  const auto rows = run(drawn_, oid);
  if (!rows) return fail(rows.error());
  if (rows->empty() || rows->is_null(0, 0)) return std::optional<std::int64_t>();
  return std::optional(rows->integer(0, 0));
}

Result<LockHolders> PostgresTable::lock_holders() {
  Parameters oid;
  oid.int8(table_.table_oid);
  const auto rows = run(holders_, oid);
  if (!rows) return fail(rows.error());
  LockHolders holders;
  for (std::size_t row = 0; row < rows->size(); ++row) holders.emplace(rows->bytes(row, 0));
  return holders;
}

Result<std::optional<connectors::Blocker>> PostgresTable::blocker(const LockHolders& awaited) {
  Parameters parameters;
  if (xid_column(settings_.policy) == nullptr)
    parameters.texts(std::vector<std::string>(awaited.begin(), awaited.end()));
  const auto rows = run(blocker_, parameters);
  if (!rows) return fail(rows.error());
  if (rows->empty()) return std::optional<connectors::Blocker>();
  return std::optional(connectors::Blocker{rows->integer(0, 0), std::string(rows->bytes(0, 1)),
                                           std::chrono::seconds(rows->integer(0, 2))});
}

Status PostgresTable::try_settle(Deadline deadline, std::stop_token stop) {
  const Parameters no_rows = settle_parameters({});
  if (auto tried = session_->run(settle_, no_rows, deadline, std::move(stop)); !tried)
    return fail(std::move(tried.error())
                    .with_context("policy \"" + std::string(to_string(settings_.policy)) + "\" on table " +
                                  settings_.table.to_string()));
  return {};
}

Parameters PostgresTable::settle_parameters(std::span<const RowKey> rows) const {
  std::vector<std::int64_t> numbers;
  std::vector<std::optional<std::string_view>> ids;
  std::vector<std::string> made;  // texts of ids that are no text
  numbers.reserve(rows.size());
  ids.reserve(rows.size());
  made.reserve(rows.size());
  for (const RowKey& row : rows) {
    numbers.push_back(row.number);
    std::string scratch;
    const bool as_it_is = row.id.is != Cell::Is::kInteger && row.id.is != Cell::Is::kTime;
    if (row.id.is == Cell::Is::kNull)
      ids.emplace_back();
    else if (as_it_is)
      ids.emplace_back(row.id.bytes);
    else
      ids.emplace_back(made.emplace_back(*text_of(row.id, scratch)));
  }
  Parameters parameters;
  parameters.int8s(numbers);
  switch (settled_id_type(columns_[roles_.id()])) {
    case SettledIdType::kUuid: parameters.array(SqlType::kUuidArray, SqlType::kUuid, ids); break;
    case SettledIdType::kBytes: parameters.array(SqlType::kByteaArray, SqlType::kBytea, ids); break;
    case SettledIdType::kText: parameters.array(SqlType::kTextArray, SqlType::kText, ids); break;
  }
  return parameters;
}

Status PostgresTable::settle(std::span<const RowKey> rows) {
  const Parameters parameters = settle_parameters(rows);
  static const Statement kBegin{"outbox_begin", "BEGIN"};
  const store::postgres::Call calls[] = {{&kBegin, nullptr}, {&settle_, &parameters}};
  if (auto done = session_->run_pipeline(calls, Deadline::in(kCallDeadline), given_up_.get_token()); !done)
    return fail(std::move(done.error()));
  pass_failpoint("outbox.in_settle");
  auto committed = session_->execute("COMMIT", Deadline::in(kCallDeadline), given_up_.get_token());
  last_round_trip_ = std::chrono::steady_clock::now();
  if (!committed) return fail(std::move(committed.error()));
  return {};
}

Result<OutboxTable::Waited> PostgresTable::wait_for_notification(Deadline deadline, std::stop_token stop) {
  if (settings_.listen.empty()) return Waited::kNo;
  const auto until = std::min(deadline.time(), std::chrono::steady_clock::now() + kQuietBeforePing);
  const auto channels = session_->wait_notified(Deadline::at(until), std::move(stop));
  if (!channels) return fail(channels.error());
  if (!channels->empty()) return Waited::kUntilNotified;
  if (auto awake = stay_awake(); !awake) return fail(std::move(awake.error()));
  return Waited::kUntilDeadline;
}

Status PostgresTable::stay_awake() {
  if (std::chrono::steady_clock::now() - last_round_trip_ < kQuietBeforePing) return {};
  static const Statement kPing{"outbox_ping", "SELECT 1"};
  if (const auto answer = run(kPing, Parameters()); !answer) return fail(answer.error());
  return {};
}

}  // namespace

std::unique_ptr<OutboxTable> make_postgres_table(const OutboxSettings& settings,
                                                 const connectors::Surroundings& surroundings) {
  return std::make_unique<PostgresTable>(settings,
                                         "penstock source " + settings.source_name + " " + surroundings.instance);
}

}  // namespace penstock::outbox
