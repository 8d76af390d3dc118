// The outbox table in a Postgres database: one session that holds the lock, reads, settles
// and listens. When it is lost, everything that hung on it is over.
#include <algorithm>
#include <memory>
#include <utility>

#include "connectors/outbox/cell_text.h"
#include "connectors/outbox/outbox_errors.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/postgres_columns.h"
#include "connectors/outbox/postgres_intake.h"
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

class PostgresTable final : public OutboxTable {
 public:
  PostgresTable(const OutboxSettings& settings, std::string application_name)
      : settings_(settings),
        application_name_(std::move(application_name)),
        intake_(settings.event_bytes) {}

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

  bool keeps_rows() const { return std::holds_alternative<KeepRows>(settings_.policy); }
  Parameters scan_parameters(const ScanPlan& plan, std::size_t rows, std::size_t column_bytes) const;

  const OutboxSettings settings_;
  const std::string application_name_;
  std::unique_ptr<Session> session_;
  PostgresColumns table_;
  RowShape shape_;
  RoleColumns roles_;
  Statement scan_, settle_, holders_, blocker_, drawn_;
  PostgresIntake intake_;
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

  std::vector<PostgresColumn> columns = columns_to_read(table_, settings_);
  shape_ = RowShape{settings_.order_by, {}};
  for (const PostgresColumn& column : columns) shape_.columns.push_back({column.name, column.type});
  auto roles = find_role_columns(settings_, shape_);
  if (!roles) return fail(std::move(roles.error()));
  roles_ = *roles;
  intake_.expect(std::move(columns), roles_);
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
  scan_ = {"outbox_scan", xid_column(settings_.policy) == nullptr ? scan_statement(settings_, table_, intake_.columns(), roles_)
                                                                  : xid_scan_statement(settings_, intake_.columns(), roles_)};
  if (!keeps_rows()) settle_ = {"outbox_settle", settle_statement(settings_, table_, intake_.columns()[roles_.id()])};
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
    const std::size_t limit = intake_.limit().rows(room), column_limit = intake_.limit().column_bytes();
    const Parameters parameters = scan_parameters(plan, limit, column_limit);
    const auto rows = run_scan(plan, parameters);
    if (!rows) return fail(rows.error());
    intake_.limit().scanned();
    const auto end = intake_.take_rows(*rows, limit, room, receiver);
    if (!end) return fail(end.error());
    if (!*end) continue;
    builder.adopt(rows->memory());
    return **end;
  }
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
  switch (settled_id_type(intake_.columns()[roles_.id()])) {
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
