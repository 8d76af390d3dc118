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
constexpr std::chrono::seconds kBetweenLooks{10};
constexpr std::chrono::milliseconds kFirstRest{50}, kLongestRest{1'000};

// Whether the same statement may do on the same session: the server rolled it back, for others were in the way.
bool passes(const Session& session) {
  if (session.broken()) return false;
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

Status PostgresSettlement::try_out(Session& session, const SessionSettings& ask, Deadline deadline,
                                   const std::stop_token& stop) {
  const LockWait wait(session, ask, stop);
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
  if (auto settled = settle_on(session, unsettled_.rows(), deadline, stop); !settled)
    return in_words(std::move(settled.error()));
  unsettled_.forget();
  held_back_.saw({}, std::chrono::steady_clock::now());
  return {};
}

Status PostgresSettlement::settle(Seat& seat, std::span<const RowKey> rows, const std::stop_token& stop,
                                  const std::function<void(const Session&)>& note_failure) {
  const Deadline patience = Deadline::in(kPatience);
  for (Duration pause = kFirstRest;; pause = std::min<Duration>(pause * 2, kLongestRest)) {
    {
      const auto turn = seat.take_turn(Deadline::in(kTurnDeadline), stop);
      if (!turn) {
        unsettled_.remember(rows);
        return fail(turn.error());
      }
      const LockWait wait(turn->session(), seat.settings(), stop);
      Status settled = settle_on(turn->session(), rows, Deadline::in(kCallDeadline), stop);
      held_back_.saw(settled ? std::nullopt : wait.blocker(), std::chrono::steady_clock::now());
      if (settled) return {};
      if (!passes(turn->session()) || patience.expired() || stop.stop_requested()) {
        unsettled_.remember(rows);
        note_failure(turn->session());
        return fail(LockWait::named(std::move(settled.error()), turn->session(), wait.blocker()));
      }
    }
    rest(pause, stop);
  }
}

Status PostgresSettlement::settle_on(Session& session, std::span<const RowKey> rows, Deadline deadline,
                                     const std::stop_token& stop) {
  static const Statement kBegin{"outbox_begin", "BEGIN"};
  const Parameters parameters = parameters_of_(rows);
  const Call calls[] = {{&kBegin, nullptr}, {&settle_, &parameters}};
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
