#include "store/sqlite/sqlite_route_states.h"

namespace penstock::store::sqlite {
namespace {

Status write_state(Cursor& cursor, const RouteState& state, std::int64_t now) {
  cursor.again();
  cursor.bind_text(state.route)
      .bind_text(state.instance)
      .bind_text(state.phase)
      .bind_text(state.code)
      .bind_text(state.message)
      .bind(microseconds_of(state.since))
      .bind(state.settled ? std::optional(state.settled->value) : std::nullopt)
      .bind(state.lag_events)
      .bind(state.lag_seconds)
      .bind_text(state.details)
      .bind(now);
  return cursor.run();
}

Status forget_old(Connection& connection, std::int64_t now) {
  auto cursor = connection.prepare("DELETE FROM route_state WHERE updated_at < ?1");
  if (!cursor) return fail(std::move(cursor.error()));
  cursor->bind(now - std::chrono::microseconds(kRouteStateKept).count());
  return cursor->run();
}

RouteState state_in(const Cursor& row, Timestamp now) {
  RouteState state;
  state.route = row.text(0);
  state.instance = row.text(1);
  state.phase = row.text(2);
  state.code = row.text(3);
  state.message = row.text(4);
  state.since = timestamp_of(row.number(5));
  if (!row.is_null(6)) state.settled = Position{row.number(6)};
  if (!row.is_null(7)) state.lag_events = row.number(7);
  if (!row.is_null(8)) state.lag_seconds = row.real(8);
  state.details = row.text(9);
  state.updated_at = timestamp_of(row.number(10));
  if (now - state.updated_at > kRouteStateStale) state.reporting = RouteState::Reporting::kStale;
  return state;
}

}  // namespace

Status SqliteRouteStates::report(const std::vector<RouteState>& states) {
  if (states.empty()) return {};
  return database_.write("reporting route states", [&](Connection& connection) -> Status {
    auto cursor = connection.prepare(
        "INSERT OR REPLACE INTO route_state (route, instance, phase, code, message, since, settled, lag_events,"
        " lag_seconds, details, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
    if (!cursor) return fail(std::move(cursor.error()));
    const std::int64_t now = microseconds_of(database_now());
    for (const RouteState& state : states) {
      if (auto written = write_state(*cursor, state, now); !written) return written;
    }
    return forget_old(connection, now);
  });
}

Result<std::vector<RouteState>> SqliteRouteStates::list() {
  return database_.read("listing route states", [](Connection& connection) -> Result<std::vector<RouteState>> {
    auto cursor = connection.prepare(
        "SELECT route, instance, phase, code, message, since, settled, lag_events, lag_seconds, details, updated_at"
        " FROM route_state ORDER BY route, instance");
    if (!cursor) return fail(std::move(cursor.error()));
    const Timestamp now = database_now();
    std::vector<RouteState> found;
    for (;;) {
      const auto stepped = cursor->step();
      if (!stepped) return fail(stepped.error());
      if (*stepped == Cursor::Step::kDone) return found;
      found.push_back(state_in(*cursor, now));
    }
  });
}

}  // namespace penstock::store::sqlite
