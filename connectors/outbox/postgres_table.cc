// The outbox table in a Postgres database: one session, which other tables may share, holds the lock, reads,
// settles and listens. When it is lost, everything that hung on it is over.
#include <algorithm>
#include <memory>
#include <utility>

#include "connectors/outbox/lock_wait.h"
#include "connectors/outbox/outbox_errors.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/postgres_check.h"
#include "connectors/outbox/postgres_columns.h"
#include "connectors/outbox/postgres_intake.h"
#include "connectors/outbox/postgres_parameters.h"
#include "connectors/outbox/postgres_rights.h"
#include "connectors/outbox/postgres_settlement.h"
#include "connectors/outbox/postgres_statements.h"
#include "connectors/outbox/postgres_tracking.h"
#include "connectors/outbox/postgres_watch.h"
#include "connectors/outbox/sign_of_life.h"
#include "connectors/outbox/source_sessions.h"
#include "store/postgres/session.h"

namespace penstock::outbox {
namespace {

using store::postgres::Call;
using store::postgres::Parameters;
using store::postgres::Rows;
using store::postgres::Session;
using store::postgres::Statement;

constexpr std::chrono::seconds kCallDeadline{12};
// A scan from the lowest number on passes every dead row that vacuum has not removed.
constexpr std::chrono::seconds kLongCallDeadline{65};
// Others that share the session have theirs first.
constexpr std::chrono::seconds kTurnDeadline{30};
// A scan that found nothing to hand over is made anew at once.
constexpr int kMostAsked = 20;
// So often somebody has to look whether the server still hears from us.
constexpr std::chrono::milliseconds kLongestListening{900};

std::optional<std::int64_t> drawn_in(const Rows& answer) {
  if (answer.empty() || answer.is_null(0, 0)) return std::nullopt;
  return answer.integer(0, 0);
}

Numbering numbering_in(const Rows& answer) {
  Numbering numbering;
  if (!answer.is_null(0, 0)) numbering.given = answer.integer(0, 0);
  if (!answer.is_null(0, 1)) numbering.row_id = std::string(answer.bytes(0, 1));
  if (!answer.is_null(0, 2)) numbering.next_xid = answer.integer(0, 2);
  if (!answer.is_null(0, 3)) numbering.gives_first = answer.integer(0, 3);
  return numbering;
}

// Of the look at the types, which is the first call: its answer has another shape, or it doesn't go with the new type.
bool tells_changed_type(const store::postgres::SqlFailure& failure) {
  const std::string_view sqlstate = failure.sqlstate;
  return failure.call == 0 && (sqlstate == "0A000" || sqlstate == "42883");
}

class PostgresTable final : public OutboxTable {
 public:
  PostgresTable(const OutboxSettings& settings, const connectors::Surroundings& surroundings, SourceSessions* sessions)
      : settings_(settings),
        instance_(surroundings.instance),
        sessions_(sessions),
        intake_(settings.event_bytes),
        settlement_(settings_, surroundings.log) {}

  Status open(Deadline deadline, std::stop_token stop) override;
  void close() override {
    tracking_.reset();
    if (seat_ && given_up_.stop_requested()) seat_->leave_at_once();
    seat_.reset();
  }

  const RowShape& shape() const override { return shape_; }
  MarkMoves mark_moves() const override { return tracks() ? MarkMoves::kNever : MarkMoves::kBehindLockHolders; }
  Identity identity() const override {
    const auto& server = seat_->server();
    return {server.system_identifier + "/" + std::to_string(table_.table_oid), server.timeline};
  }

  Result<Scanned> scan(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                       RowReceiver& receiver) override;
  Result<Numbering> numbering(std::optional<std::int64_t> row) override;
  Result<LockHolders> lock_holders() override;
  Result<std::optional<connectors::Blocker>> blocker(const LockHolders& awaited) override;
  Status settle(std::span<const RowKey> rows) override;
  Result<News> look_for_news(std::stop_token) override { return News::kUnknown; }
  Result<Waited> wait_for_notification(Deadline deadline, std::stop_token stop) override;
  Status stay_awake() override;
  void give_up() override { given_up_.request_stop(); }

 private:
  Status take_seat(Deadline deadline, const std::stop_token& stop);
  Status set_up(const Turn& turn, Deadline deadline, const std::stop_token& stop);
  Status check_server();
  Status take_lock(const Turn& turn, Deadline deadline, const std::stop_token& stop);
  Status check_xids(const Result<Rows>& ahead) const;
  void prepare_statements(const Turn& turn);

  Result<Turn> take_turn();
  Result<Scanned> scan_numbers(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                               RowReceiver& receiver);
  Result<Rows> run(const Statement& statement, const Parameters& parameters);
  Result<Rows> run_scan(const ScanPlan& plan, const Parameters& parameters, Scanned& scanned);
  using Walk = PostgresTracking::Walk;
  Result<std::vector<Rows>> ask(std::span<const Call> calls, Walk walk);
  Result<std::vector<Rows>> run_calls(Session& session, std::span<const Call> calls, Walk walk);
  bool tells_drawn() const;
  void note_failure(const Session& session);

  bool tracks() const { return std::holds_alternative<TrackRows>(settings_.policy); }
  bool keeps_rows() const { return std::holds_alternative<KeepRows>(settings_.policy); }

  const OutboxSettings settings_;
  const std::string instance_;
  SourceSessions* const sessions_;  // null: it shares with nobody
  Company company_ = Company::kShared;
  std::unique_ptr<Seat> seat_;
  store::postgres::ServerFacts last_server_;  // of the last opening that came so far
  PostgresColumns table_;
  RowShape shape_;
  RoleColumns roles_;
  Statement types_, scan_, numbering_, holders_, blocker_, xids_ahead_, drawn_, watch_;
  PostgresIntake intake_;
  PostgresSettlement settlement_;
  std::unique_ptr<PostgresTracking> tracking_;  // of policy "track", while open
  Duration waited_{};                           // for a turn, since a scan began
  std::stop_source given_up_;
};

// What is sent on a shared session is waited for: to give it up would end the openings of others. Only the end of the
// program cuts it off.
Status PostgresTable::open(Deadline deadline, std::stop_token stop) {
  close();
  if (auto seated = take_seat(deadline, stop); !seated) return seated;
  const auto turn = seat_->take_turn(deadline, stop);
  if (!turn) return fail(turn.error());
  Status done = seat_->is_shared() ? set_up(*turn, Deadline::in(kCallDeadline), given_up_.get_token())
                                   : set_up(*turn, deadline, stop);
  if (!done) note_failure(turn->session());
  return done;
}

Status PostgresTable::take_seat(Deadline deadline, const std::stop_token& stop) {
  if (settlement_.company() == Company::kAlone) company_ = Company::kAlone;
  const SeatWish wish{settings_.url, settings_.source_name, instance_, company_};
  auto seat = sessions_ == nullptr ? take_seat_alone(wish, deadline, stop) : sessions_->take_seat(wish, deadline, stop);
  if (!seat) return fail(std::move(seat.error()));
  seat_ = *std::move(seat);
  company_ = Company::kShared;
  return {};
}

Status PostgresTable::set_up(const Turn& turn, Deadline deadline, const std::stop_token& stop) {
  if (auto checked = check_server(); !checked) return checked;
  auto table = load_postgres_columns(turn.session(), settings_, deadline, stop);
  if (!table) return fail(std::move(table.error()));
  table_ = *std::move(table);
  if (auto checked = check_postgres_columns(table_, settings_); !checked) return checked;

  std::vector<PostgresColumn> columns = columns_to_read(table_, settings_);
  shape_ = RowShape{tracks() ? "" : settings_.order_by, {}, table_.texts};
  for (const PostgresColumn& column : columns) shape_.columns.push_back({column.name, column.type});
  auto roles = find_role_columns(settings_, shape_);
  if (!roles) return fail(std::move(roles.error()));
  roles_ = *roles;
  intake_.expect(std::move(columns), roles_);
  prepare_statements(turn);

  if (auto locked = take_lock(turn, deadline, stop); !locked) return locked;
  if (!keeps_rows())
    if (auto tried = settlement_.try_out(turn.session(), *seat_, deadline, stop); !tried) return tried;
  if (xid_column(settings_.policy) != nullptr)
    if (auto checked = check_xids(turn.session().run(xids_ahead_, {}, deadline, stop)); !checked) return checked;
  if (settings_.listen.empty()) return {};
  return seat_->listen(turn, settings_.listen, deadline, stop);
}

// A former primary that runs again: what is settled there comes again from its successor, or never came to it.
Status PostgresTable::check_server() {
  const auto& server = seat_->server();
  if (server.system_identifier == last_server_.system_identifier && server.timeline < last_server_.timeline)
    return fail(former_primary(settings_.table, server.timeline, last_server_.timeline));
  last_server_ = server;
  return {};
}

Status PostgresTable::take_lock(const Turn& turn, Deadline deadline, const std::stop_token& stop) {
  const auto locked = seat_->try_lock(turn, table_.table_oid, deadline, stop);
  if (!locked) return fail(locked.error());
  if (*locked) return {};
  return fail(codes::kOutboxLocked, "another relay holds the lock of table " + settings_.table.to_string());
}

// Rows that were restored or replicated from another server would wait until this one has come to their transactions.
Status PostgresTable::check_xids(const Result<Rows>& ahead) const {
  if (!ahead) return fail(ahead.error());
  if (!ahead->boolean(0, 0)) return {};
  return fail(codes::kOutboxOrderMissing,
              "table " + settings_.table.to_string() + " has rows whose `" + *xid_column(settings_.policy) +
                  "` is a transaction that this server hasn't come to: they were written on another one, and would not "
                  "be delivered for years. Give them one of this server: " +
                  statement_that_mends_xids(settings_));
}

void PostgresTable::prepare_statements(const Turn& turn) {
  const std::vector<PostgresColumn>& columns = intake_.columns();
  const PostgresColumn& id = columns[roles_.id()];
  types_ = seat_->statement(turn, "outbox_types", types_statement(settings_, table_, columns));
  watch_ = {"outbox_watch", watch_statement()};
  if (tracks()) {
    tracking_ = std::make_unique<PostgresTracking>(settings_, table_, columns, roles_, *seat_, turn);
    settlement_.prepare(tracking_->settle_statement(), tracking_->left_statement(), PostgresTracking::settle_parameters,
                        id.type_id);
    return;
  }
  const bool by_xid = xid_column(settings_.policy) != nullptr;
  scan_ = seat_->statement(
      turn, "outbox_scan",
      by_xid ? xid_scan_statement(settings_, columns, roles_) : scan_statement(settings_, table_, columns, roles_));
  const auto by_rows = [this](std::span<const RowKey> rows) {
    return settle_parameters(rows, intake_.columns()[roles_.id()]);
  };
  if (!keeps_rows())
    settlement_.prepare(seat_->statement(turn, "outbox_settle", settle_statement(settings_, table_, id)),
                        seat_->statement(turn, "outbox_left", left_statement(settings_, table_, id)), by_rows,
                        id.type_id);
  else
    numbering_ = seat_->statement(turn, "outbox_numbering", numbering_statement(settings_, table_, id));
  blocker_ = seat_->statement(turn, "outbox_blocker", by_xid ? xid_blocker_statement(settings_) : kBlockerStatement);
  if (by_xid) xids_ahead_ = seat_->statement(turn, "outbox_xids_ahead", xids_ahead_statement(settings_));
  holders_ = {"outbox_holders", kLockHoldersStatement};
  drawn_ = {"outbox_drawn", drawn_statement()};
}

Result<Turn> PostgresTable::take_turn() {
  const SteadyTime asked = std::chrono::steady_clock::now();
  auto turn = seat_->take_turn(Deadline::in(kTurnDeadline), given_up_.get_token());
  waited_ += std::chrono::steady_clock::now() - asked;
  return turn;
}

Result<Rows> PostgresTable::run(const Statement& statement, const Parameters& parameters) {
  const auto turn = take_turn();
  if (!turn) return fail(turn.error());
  auto rows = turn->session().run(statement, parameters, Deadline::in(kCallDeadline), given_up_.get_token());
  if (!rows) note_failure(turn->session());
  return rows;
}

// Who needs long doesn't make others wait again: its next opening is on a session of its own.
void PostgresTable::note_failure(const Session& session) {
  using store::postgres::SqlCondition;
  switch (session.failure().condition) {
    case SqlCondition::kCanceled:
    case SqlCondition::kLockTimeout:
    case SqlCondition::kUnsupported:  // a plan of the session's that the table has outgrown
    case SqlCondition::kDeadline: company_ = Company::kAlone; return;
    default: return;
  }
}

Result<Scanned> PostgresTable::scan(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                                    RowReceiver& receiver) {
  waited_ = {};
  const auto asking = [this](std::span<const Call> calls, Walk walk) { return ask(calls, walk); };
  auto scanned = tracking_ ? tracking_->scan(asking, plan.reach, room, intake_, builder, receiver)
                           : scan_numbers(plan, room, builder, receiver);
  if (scanned) scanned->waited = waited_;
  return scanned;
}

Result<Scanned> PostgresTable::scan_numbers(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                                            RowReceiver& receiver) {
  if (plan.reach == Reach::kWholeTable) intake_.look_again(intake_.limit().bounds(room).rows);
  for (int asked = 1;; ++asked) {
    const FetchBounds bounds = intake_.limit().bounds(room);
    Scanned scanned{};
    const auto rows = run_scan(plan, scan_parameters(plan, bounds, intake_.large_rows()), scanned);
    if (!rows) return fail(rows.error());
    intake_.limit().scanned();
    const auto end = intake_.take_rows(*rows, {bounds, plan.kept}, room, receiver);
    if (!end) return fail(end.error());
    if (!*end && asked < kMostAsked) continue;
    builder.adopt(rows->memory());
    scanned.end = end->value_or(ScanEnd::kCutShort);
    scanned.reach = plan.reach;
    return scanned;
  }
}

// In one transaction: nothing that locks the table comes between the statements, such as a TRUNCATE.
Result<Rows> PostgresTable::run_scan(const ScanPlan& plan, const Parameters& parameters, Scanned& scanned) {
  std::vector<Call> calls;
  Parameters sequence, row;
  if (plan.drawn == ScanPlan::Drawn::kAsked && tells_drawn()) {
    sequence.int8(table_.order_sequence->oid);
    calls.push_back({&drawn_, &sequence});
  }
  calls.push_back({&scan_, &parameters});
  const std::size_t scan = calls.size() - 1;
  if (plan.numbering) {
    row.int8(plan.numbering->row);
    calls.push_back({&numbering_, &row});
  }
  auto answers = ask(calls, plan.starts_at_bottom() ? Walk::kWholeTable : Walk::kShort);
  if (!answers) return fail(std::move(answers.error()));
  if (scan > 0) scanned.drawn_before = drawn_in(answers->front());
  if (plan.numbering) scanned.numbering = numbering_in(answers->back());
  return std::move((*answers)[scan]);
}

// In one transaction with the look at the types: none changes before the rest has read the table. What else is watched
// is looked at behind the rest: whoever altered a sequence before a row was written is seen with the row. A cursor
// would pass what it misses, so it looks each time; the others find it later.
Result<std::vector<Rows>> PostgresTable::ask(std::span<const Call> calls, Walk walk) {
  const auto turn = take_turn();
  if (!turn) return fail(turn.error());
  std::vector<Call> all = {{&types_, nullptr}};
  all.insert(all.end(), calls.begin(), calls.end());
  const bool watches = keeps_rows() || walk == Walk::kWholeTable;
  const Parameters watched = watch_parameters(table_, settings_);
  if (watches) all.push_back({&watch_, &watched});
  auto answers = run_calls(turn->session(), all, walk);
  if (answers) {
    if (watches)
      if (auto checked = check_watched(table_, settings_, answers->back()); !checked) return fail(checked.error());
    answers->erase(answers->begin());
    answers->resize(calls.size());
    return answers;
  }
  note_failure(turn->session());
  if (!tells_changed_type(turn->session().failure())) return answers;
  return fail(codes::kOutboxRefused,
              "table " + settings_.table.to_string() +
                  ": a column that is read has got another type, so the table is looked at anew");
}

// On a session that is shared no statement takes long.
Result<std::vector<Rows>> PostgresTable::run_calls(Session& session, std::span<const Call> calls, Walk walk) {
  if (seat_->is_shared() || walk == Walk::kShort) {
    const LockWait wait(session, seat_->settings(), given_up_.get_token());
    auto rows = session.run_pipeline(calls, Deadline::in(kCallDeadline), given_up_.get_token());
    if (!rows) return fail(LockWait::named(std::move(rows.error()), session, wait.blocker()));
    return rows;
  }
  return run_while_alive(session, seat_->settings(), calls, Deadline::in(kLongCallDeadline), given_up_.get_token());
}

// A sequence that hands out numbers in advance (CACHE) says nothing about those that are drawn.
bool PostgresTable::tells_drawn() const {
  const auto& sequence = table_.order_sequence;
  return sequence && sequence->tells_last() && sequence->cache <= 1;
}

Result<Numbering> PostgresTable::numbering(std::optional<std::int64_t> row) {
  Parameters number;
  number.int8(row);
  const auto rows = run(numbering_, number);
  if (!rows) return fail(rows.error());
  return numbering_in(*rows);
}

Result<LockHolders> PostgresTable::lock_holders() {
  Parameters oid;
  oid.int8(table_.table_oid);
  const auto rows = run(holders_, oid);
  if (!rows) return fail(rows.error());
  return holders_in(*rows);
}

Result<std::optional<connectors::Blocker>> PostgresTable::blocker(const LockHolders& awaited) {
  Parameters parameters;
  if (xid_column(settings_.policy) != nullptr) {
    if (auto checked = check_xids(run(xids_ahead_, {})); !checked) return fail(std::move(checked.error()));
  } else {
    parameters.texts(std::vector<std::string>(awaited.begin(), awaited.end()));
  }
  const auto rows = run(blocker_, parameters);
  if (!rows) return fail(rows.error());
  if (rows->empty()) return std::optional<connectors::Blocker>();
  return std::optional(blocker_in(*rows));
}

Status PostgresTable::settle(std::span<const RowKey> rows) {
  const std::vector<RowKey> by_ids = tracking_ ? tracking_->keys_of(rows) : std::vector<RowKey>();
  Status settled = settlement_.settle(*seat_, tracking_ ? by_ids : rows, given_up_.get_token(),
                                      [this](const Session& failed) { note_failure(failed); });
  if (settled && tracking_) tracking_->settled(rows);
  return settled;
}

Result<OutboxTable::Waited> PostgresTable::wait_for_notification(Deadline deadline, std::stop_token stop) {
  if (settings_.listen.empty()) return Waited::kNo;
  const auto until = std::min(deadline.time(), std::chrono::steady_clock::now() + kLongestListening);
  const auto notified = seat_->wait_notified(Deadline::at(until), stop);
  if (!notified) return fail(notified.error());
  if (*notified) return Waited::kUntilNotified;
  if (auto awake = stay_awake(); !awake) return fail(std::move(awake.error()));
  return Waited::kUntilDeadline;
}

Status PostgresTable::stay_awake() { return seat_->stay_awake(Deadline::in(kTurnDeadline), given_up_.get_token()); }

}  // namespace

std::unique_ptr<OutboxTable> make_postgres_table(const OutboxSettings& settings,
                                                 const connectors::Surroundings& surroundings,
                                                 SourceSessions* sessions) {
  return std::make_unique<PostgresTable>(settings, surroundings, sessions);
}

}  // namespace penstock::outbox
