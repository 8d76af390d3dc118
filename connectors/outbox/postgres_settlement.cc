#include "connectors/outbox/postgres_settlement.h"

#include <algorithm>
#include <utility>

#include "connectors/outbox/kept_rows.h"
#include "connectors/outbox/lock_wait.h"
#include "core/failpoint.h"
#include "core/rest.h"

namespace penstock::outbox {
namespace {

using store::postgres::Call;
using store::postgres::Parameters;
using store::postgres::Rows;
using store::postgres::Session;
using store::postgres::SessionSettings;
using store::postgres::SqlCondition;
using store::postgres::Statement;

constexpr std::chrono::seconds kCallDeadline{12}, kTurnDeadline{30};
// Longer than a wait for a lock, and short enough for the call to see the end of it: the session lives on.
constexpr std::chrono::milliseconds kLongestStatement{8'000};
// What an opening leaves of its time for the rest of the transaction.
constexpr std::chrono::milliseconds kReserve{1'000};
// A statement that takes less may well have more rows.
constexpr std::chrono::milliseconds kQuick{500};
// So long others may have to wait, time and again; and so often for a statement that the server ends.
constexpr std::chrono::seconds kLongTurn{1};
constexpr int kMostEndedTurns = 2;
constexpr std::chrono::seconds kBetweenLooks{10};
constexpr std::chrono::milliseconds kFirstRest{50}, kLongestRest{1'000};

std::chrono::milliseconds longest_statement(const SessionSettings& session) {
  const auto of_session = session.statement_timeout;
  return of_session > Duration::zero() ? std::min(of_session, kLongestStatement) : kLongestStatement;
}

bool took_too_long(const Error& error, const Session& session) {
  if (session.broken()) return &error.code() == &codes::kTimeout;
  return &error.code() == &codes::kOutboxBusy && session.failure().condition == SqlCondition::kCanceled;
}

// Whether the same statement may do on the same session: the server rolled it back, for others were in the way.
bool passes(const Error& error, const Session& session) {
  if (session.broken() || &error.code() != &codes::kOutboxBusy) return false;
  switch (session.failure().condition) {
    case SqlCondition::kLockTimeout:
    case SqlCondition::kSerialization:
    case SqlCondition::kCanceled: return true;
    default: return false;
  }
}

}  // namespace

PostgresSettlement::PostgresSettlement(const OutboxSettings& settings, Log& log)
    : settings_(settings), held_back_(settings.source_name, log, HeldBack::kLockedRows) {}

void PostgresSettlement::prepare(Statement settle, Statement left, ParametersOf parameters_of,
                                 std::string_view id_type) {
  settle_ = std::move(settle);
  left_ = std::move(left);
  parameters_of_ = std::move(parameters_of);
  next_look_ = {};
  if (id_type_ != id_type) unsettled_.forget();
  id_type_ = id_type;
}

Company PostgresSettlement::company() const {
  return unsettled_.empty() || rows_per_statement_ == kMostRows ? Company::kShared : Company::kAlone;
}

Status PostgresSettlement::try_out(Session& session, const Seat& seat, Deadline deadline, const std::stop_token& stop) {
  const LockWait wait(session, seat.settings(), stop);
  const auto in_words = [&](Error error) {
    return fail(LockWait::named(std::move(error), session, wait.blocker())
                    .with_context("policy \"" + std::string(to_string(settings_.policy)) + "\" on table " +
                                  settings_.table.to_string()));
  };
  if (unsettled_.empty()) {
    if (auto tried = session.run(settle_, parameters_of_({}), deadline, stop); !tried)
      return in_words(std::move(tried.error()));
    return {};
  }
  if (auto settled = settle_left(session, seat, deadline, stop); !settled) return in_words(std::move(settled.error()));
  held_back_.saw({}, std::chrono::steady_clock::now());
  return {};
}

Status PostgresSettlement::settle_left(Session& session, const Seat& seat, Deadline deadline,
                                       const std::stop_token& stop) {
  while (!unsettled_.empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline.remaining());
    if (left < 2 * kReserve)
      return fail(codes::kOutboxBusy,
                  "settling what was delivered takes long: " + std::to_string(unsettled_.rows().size()) +
                      " rows are left, and nothing is read before they are settled");
    const Limits limits{std::min(longest_statement(seat.settings()), left - kReserve), deadline, seat.company()};
    const auto settled = settle_some(session, unsettled_.rows(), limits, stop);
    if (settled)
      unsettled_.forget(*settled);
    else if (session.broken() || seat.is_shared() || !took_too_long(settled.error(), session))
      return fail(settled.error());
    else if (auto ended = session.rollback(deadline); !ended)
      return ended;
  }
  return {};
}

Status PostgresSettlement::settle(Seat& seat, std::span<const RowKey> rows, const std::stop_token& stop,
                                  const std::function<void(const Session&)>& note_failure) {
  Deadline patience = Deadline::in(kPatience);
  int ended_turns = 0;
  for (Duration pause = kFirstRest; !rows.empty(); pause = std::min<Duration>(pause * 2, kLongestRest)) {
    {
      const auto turn = seat.take_turn(Deadline::in(kTurnDeadline), stop);
      if (!turn) {
        unsettled_.remember(rows);
        return fail(turn.error());
      }
      Session& session = turn->session();
      const LockWait wait(session, seat.settings(), stop);
      const Limits limits{longest_statement(seat.settings()), Deadline::in(kCallDeadline), seat.company()};
      const std::size_t before = rows_per_statement_;
      const auto settled = settle_some(session, rows, limits, stop);
      held_back_.saw(settled ? std::nullopt : wait.blocker(), std::chrono::steady_clock::now());
      if (!settled && took_too_long(settled.error(), session)) ++ended_turns;
      const bool leaves_others = seat.is_shared() && ended_turns == kMostEndedTurns;
      const bool tries_fewer = rows_per_statement_ < before && !session.broken() && !leaves_others;
      if (settled || tries_fewer) {
        if (settled) rows = rows.subspan(*settled);
        patience = Deadline::in(kPatience);
        pause = kFirstRest;
        continue;
      }
      if (leaves_others || !passes(settled.error(), session) || patience.expired() || stop.stop_requested()) {
        unsettled_.remember(rows);
        note_failure(session);
        return fail(LockWait::named(settled.error(), session, wait.blocker()));
      }
    }
    rest(pause, stop);
  }
  return {};
}

Result<std::size_t> PostgresSettlement::settle_some(Session& session, std::span<const RowKey> rows,
                                                    const Limits& limits, const std::stop_token& stop) {
  const auto some = rows.first(std::min(rows.size(), rows_per_statement_));
  const SteadyTime begun = std::chrono::steady_clock::now();
  if (auto settled = settle_on(session, some, limits, stop); !settled) {
    if (took_too_long(settled.error(), session)) rows_per_statement_ = std::max<std::size_t>(some.size() / 10, 1);
    return fail(std::move(settled.error()));
  }
  const Duration took = std::chrono::steady_clock::now() - begun;
  if (took < kQuick && some.size() == rows_per_statement_)
    rows_per_statement_ = std::min(rows_per_statement_ * 2, kMostRows);
  else if (took > kLongTurn && limits.company == Company::kShared)
    rows_per_statement_ = std::max<std::size_t>(some.size() / 2, 1);
  return some.size();
}

Status PostgresSettlement::settle_on(Session& session, std::span<const RowKey> rows, const Limits& limits,
                                     const std::stop_token& stop) {
  static const Statement kBegin{"outbox_begin", "BEGIN"};
  static const Statement kLimit{"outbox_limit", "SELECT set_config('statement_timeout', $1::int8::text, true)"};
  const Deadline deadline = limits.call;
  Parameters limit;
  limit.int8(limits.statement.count());
  const Parameters parameters = parameters_of_(rows);
  const Call calls[] = {{&kBegin, nullptr}, {&kLimit, &limit}, {&settle_, &parameters}};
  const auto done = session.run_pipeline(calls, deadline, stop);
  if (!done) return fail(done.error());
  Rows left;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (done->back().affected() < rows.size() || now >= next_look_) {
    auto looked = session.run(left_, parameters, deadline, stop);
    if (!looked) return fail(std::move(looked.error()));
    left = *std::move(looked);
    next_look_ = now + kBetweenLooks;
  }
  pass_failpoint("outbox.in_settle");
  if (auto committed = session.execute("COMMIT", deadline, stop); !committed) return fail(std::move(committed.error()));
  return check_left(left);
}

Status PostgresSettlement::check_left(const Rows& left) const {
  if (left.empty()) return {};
  const bool tracks = std::holds_alternative<TrackRows>(settings_.policy);
  const KeptRows kept{left.size(), tracks ? std::string(left.bytes(0, 0)) : std::to_string(left.integer(0, 0))};
  return fail(refused_settlement(settings_, kept, kPostgresCulprit));
}

}  // namespace penstock::outbox
