#include "store/postgres/postgres_route_states.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kCall{2};

std::optional<std::int64_t> number_at(const Rows& rows, std::size_t row, std::size_t column) {
  if (rows.is_null(row, column)) return std::nullopt;
  return rows.integer(row, column);
}

}  // namespace

PostgresRouteStates::PostgresRouteStates(SessionPool& pool, const Schema& schema)
    : pool_(pool),
      report_{"report_state",
              schema.expand("INSERT INTO @schema@.route_state (route, instance, phase, code, message, since, settled,"
                            " lag_events, lag_seconds, details, updated_at)"
                            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp())"
                            " ON CONFLICT (route, instance) DO UPDATE SET phase = excluded.phase, code = excluded.code,"
                            " message = excluded.message, since = excluded.since, settled = excluded.settled,"
                            " lag_events = excluded.lag_events, lag_seconds = excluded.lag_seconds,"
                            " details = excluded.details, updated_at = excluded.updated_at")},
      forget_{"forget_states",
              schema.expand("DELETE FROM @schema@.route_state s WHERE s.updated_at < clock_timestamp() - interval '" +
                            std::to_string(kRouteStateKept.count()) + " hours'")},
      list_{"list_states",
            schema.expand("SELECT s.route, s.instance, s.phase, s.code, s.message, s.since, s.settled, s.lag_events,"
                          " s.lag_seconds, s.details, s.updated_at, s.updated_at < clock_timestamp() - interval '" +
                          std::to_string(kRouteStateStale.count()) +
                          " seconds' FROM @schema@.route_state s ORDER BY s.route, s.instance")} {}

Status PostgresRouteStates::report(const std::vector<RouteState>& states) {
  if (states.empty()) return {};
  const Deadline deadline = Deadline::in(kCall);
  std::vector<Parameters> parameters(states.size());
  std::vector<Call> calls;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const RouteState& state = states[i];
    parameters[i].text(state.route).text(state.instance).text(state.phase).text(state.code).words(state.message);
    parameters[i].timestamptz(state.since);
    parameters[i].int8(state.settled ? std::optional(state.settled->value) : std::nullopt).int8(state.lag_events);
    parameters[i].real(state.lag_seconds).json(state.details);
    calls.push_back({&report_, &parameters[i]});
  }
  calls.push_back({&forget_, nullptr});
  auto done = pool_.with_session(deadline, [&](Session& session) { return session.run_pipeline(calls, deadline); });
  if (!done) return fail(std::move(done.error()));
  return {};
}

Result<std::vector<RouteState>> PostgresRouteStates::list() {
  const Deadline deadline = Deadline::in(kCall);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(list_, {}, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  std::vector<RouteState> found;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    RouteState state;
    state.route = rows->bytes(row, 0);
    state.instance = rows->bytes(row, 1);
    state.phase = rows->bytes(row, 2);
    state.code = rows->bytes(row, 3);
    state.message = rows->bytes(row, 4);
    state.since = rows->timestamp(row, 5);
    if (const auto settled = number_at(*rows, row, 6)) state.settled = Position{*settled};
    state.lag_events = number_at(*rows, row, 7);
    if (!rows->is_null(row, 8)) state.lag_seconds = rows->real(row, 8);
    state.details = rows->bytes(row, 9);
    state.updated_at = rows->timestamp(row, 10);
    state.reporting = rows->boolean(row, 11) ? RouteState::Reporting::kStale : RouteState::Reporting::kNow;
    found.push_back(std::move(state));
  }
  return found;
}

}  // namespace penstock::store::postgres
