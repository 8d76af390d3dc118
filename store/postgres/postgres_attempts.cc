#include "store/postgres/postgres_attempts.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kCall{5};
constexpr std::string_view kOpening;

Parameters item_of(std::string_view route, std::string_view item) {
  Parameters named;
  named.text(route).text(item);
  return named;
}

}  // namespace

PostgresAttempts::PostgresAttempts(SessionPool& pool, const Schema& schema)
    : pool_(pool),
      load_{"load_attempts", schema.expand("SELECT a.item, a.attempts FROM @schema@.attempts a WHERE a.route = $1")},
      set_{"set_attempts", schema.expand("INSERT INTO @schema@.attempts (route, item, attempts) VALUES ($1, $2, $3)"
                                         " ON CONFLICT (route, item) DO UPDATE SET attempts = excluded.attempts")},
      remove_{"remove_attempts", schema.expand("DELETE FROM @schema@.attempts a WHERE a.route = $1 AND a.item = $2")},
      forget_{"forget_attempts", schema.expand("DELETE FROM @schema@.attempts a WHERE a.route = $1")} {}

Result<RouteAttempts> PostgresAttempts::load(std::string_view route) {
  const Deadline deadline = Deadline::in(kCall);
  Parameters one;
  one.text(route);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(load_, one, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  RouteAttempts found;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    const auto attempts = static_cast<std::uint32_t>(rows->integer(row, 1));
    if (rows->bytes(row, 0) == kOpening)
      found.openings = attempts;
    else
      found.rows.emplace(rows->bytes(row, 0), attempts);
  }
  return found;
}

Status PostgresAttempts::count_openings(std::string_view route, std::uint32_t openings) {
  Parameters counted = item_of(route, kOpening);
  if (openings == 0) return change({{&remove_, &counted}});
  counted.int4(static_cast<std::int32_t>(openings));
  return change({{&set_, &counted}});
}

Status PostgresAttempts::count_row(std::string_view route, const RowAttempts& row,
                                   std::optional<std::string_view> ended) {
  Parameters counted = item_of(route, row.row), over;
  std::vector<Call> calls;
  if (ended) {
    over = item_of(route, *ended);
    calls.push_back({&remove_, &over});
  }
  if (row.attempts > 0) counted.int4(static_cast<std::int32_t>(row.attempts));
  calls.push_back({row.attempts > 0 ? &set_ : &remove_, &counted});
  return change(calls);
}

Status PostgresAttempts::forget(std::string_view route) {
  Parameters one;
  one.text(route);
  return change({{&forget_, &one}});
}

Status PostgresAttempts::change(const std::vector<Call>& calls) {
  const Deadline deadline = Deadline::in(kCall);
  // One pipeline outside of BEGIN is one transaction.
  auto done = pool_.with_session(deadline, [&](Session& session) { return session.run_pipeline(calls, deadline); });
  if (!done) return fail(std::move(done.error()));
  return {};
}

}  // namespace penstock::store::postgres
