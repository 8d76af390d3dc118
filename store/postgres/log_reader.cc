#include "store/postgres/log_reader.h"

#include "store/postgres/event_rows.h"
#include "store/postgres/log_query.h"
#include "store/store_faults.h"

namespace penstock::store::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto kReading = 12s;

// A bisection over positions, since recorded_at ascends with them: every event up to `low` was recorded
// before $1, none from `high` on.
constexpr std::string_view kTimesSql =
    "WITH RECURSIVE bisection(low, high) AS ("
    " SELECT h.floor, h.position + 1 FROM @schema@.head h WHERE h.id = 1"
    " UNION ALL"
    " SELECT CASE WHEN e.recorded_at < $1 THEN e.position ELSE b.low END,"
    " CASE WHEN e.recorded_at < $1 THEN b.high ELSE b.low + (b.high - b.low) / 2 END"
    " FROM bisection b LEFT JOIN LATERAL ("
    " SELECT e.position, e.recorded_at FROM @schema@.events e"
    " WHERE e.position >= b.low + (b.high - b.low) / 2 AND e.position < b.high AND e.removed_at IS NULL"
    " ORDER BY e.position LIMIT 1) e ON true"
    " WHERE b.high - b.low > 1)"
    " SELECT (SELECT e.position FROM @schema@.events e WHERE e.position >= b.high AND e.removed_at IS NULL"
    " ORDER BY e.position LIMIT 1),"
    " (SELECT e.position FROM @schema@.events e WHERE e.position <= b.low AND e.removed_at IS NULL"
    " AND e.position > (SELECT h.floor FROM @schema@.head h WHERE h.id = 1) ORDER BY e.position DESC LIMIT 1)"
    " FROM bisection b WHERE b.high - b.low <= 1";

// Whether a read from here would have to pass the floor.
bool is_below(Position start, Direction direction, Position floor) {
  return direction == Direction::kForward ? start < floor : start <= floor && floor > Position{0};
}

LogPage page_from(const Rows& rows, Position start) {
  LogPage page{batch_of(rows), start};
  if (!rows.empty()) page.reached = Position{rows.integer(rows.size() - 1, index_of(EventColumn::kPosition))};
  page.removed = rows.size() - page.events->size();
  return page;
}

}  // namespace

LogReader::LogReader(SessionPool& pool, const Schema& schema)
    : pool_(pool),
      schema_(schema),
      head_{"head", schema.expand("SELECT h.position FROM @schema@.head h WHERE h.id = 1")},
      floor_{"floor", schema.expand("SELECT h.floor FROM @schema@.head h WHERE h.id = 1")},
      times_{"times", schema.expand(kTimesSql)},
      identity_{"identity_and_floor", schema.expand("SELECT h.system_identifier, h.timeline, h.incarnation, h.floor"
                                                    " FROM @schema@.head h WHERE h.id = 1")},
      event_id_{"event_id", schema.expand(kEventIdSql)} {}

Result<LogPage> LogReader::read(Position start, Direction direction, ReadLimit limit, const LogFilter& filter) {
  if (auto fits = check_limit(limit); !fits) return fail(std::move(fits.error()));
  return filter.admits_all() ? read_unfiltered(start, direction, limit)
                             : read_filtered(start, direction, limit, filter);
}

Result<LogPage> LogReader::read_unfiltered(Position start, Direction direction, const ReadLimit& limit) {
  const Deadline deadline = Deadline::in(kReading);
  const LogQuery query = make_log_query(schema_, start, direction, limit);
  auto rows = pool_.with_session(
      deadline, [&](Session& session) { return session.run(query.statement, query.parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  const Position next{direction == Direction::kForward ? start.value + 1 : start.value - 1};
  const bool goes_on = !rows->empty() && rows->integer(0, index_of(EventColumn::kPosition)) == next.value;
  if (!goes_on)
    if (auto begins = check_begin(start, direction); !begins) return fail(std::move(begins.error()));
  return page_from(*rows, start);
}

Status LogReader::check_begin(Position start, Direction direction) {
  const auto begin = floor();
  if (!begin) return fail(begin.error());
  return is_below(start, direction, *begin) ? fail(removed_below(*begin)) : Status();
}

Result<HotTail::Loaded> LogReader::read_tail(Position after, const ReadLimit& limit) {
  const Deadline deadline = Deadline::in(kReading);
  const LogQuery query = make_log_query(schema_, after, Direction::kForward, limit);
  const Call calls[] = {{&identity_, nullptr}, {&query.statement, &query.parameters}};
  auto answers = pool_.with_session(deadline, [&](Session& session) { return session.run_pipeline(calls, deadline); });
  if (!answers) return fail(std::move(answers.error()));
  const Rows& identity = (*answers)[0];
  if (identity.empty()) return fail(row_of_head_gone());
  if (const Position begin{identity.integer(0, 3)}; after < begin) return fail(removed_below(begin));
  return HotTail::Loaded{page_from((*answers)[1], after),
                         {std::string(identity.bytes(0, 0)), identity.integer(0, 1), identity.integer(0, 2)}};
}

Result<LogPage> LogReader::read_filtered(Position start, Direction direction, const ReadLimit& limit,
                                         const LogFilter& filter) {
  const Deadline deadline = Deadline::in(kReading);
  const bool forward = direction == Direction::kForward;
  const LogQuery query = make_filtered_query(schema_, start, direction, limit, filter);
  auto rows = pool_.with_session(
      deadline, [&](Session& session) { return session.run(query.statement, query.parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  if (rows->empty()) return fail(row_of_head_gone());

  if (const Position begin{rows->integer(0, kFloorColumn)}; is_below(start, direction, begin))
    return fail(removed_below(begin));
  const Position stop{rows->integer(0, kStopColumn)};
  const bool nothing_there = forward ? stop <= start : stop >= start;
  const std::size_t last_row = rows->size() - 1;
  if (rows->is_null(last_row, index_of(EventColumn::kPosition)))
    return LogPage{batch_of(*rows), nothing_there ? start : stop};
  std::function<bool(const Event&)> admits;
  if (!filter.metadata.empty()) admits = [&filter](const Event& event) { return filter.admits(event); };
  LogPage page{batch_of(*rows, admits), stop};
  // A page that was cut by its number or its bytes reached only its last row.
  const Position last{rows->integer(last_row, index_of(EventColumn::kPosition))};
  const Position furthest{rows->integer(0, forward ? kHighestColumn : kLowestColumn)};
  if (rows->size() == limit.events || last != furthest) page.reached = last;
  return page;
}

Result<std::optional<Position>> LogReader::find_time(Timestamp time, Side side) {
  const Deadline deadline = Deadline::in(kReading);
  Parameters parameters;
  parameters.timestamptz(time);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(times_, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  if (rows->empty()) return fail(row_of_head_gone());
  const auto column = static_cast<std::size_t>(side);
  if (rows->is_null(0, column)) return std::nullopt;
  return Position{rows->integer(0, column)};
}

Result<std::optional<EventId>> LogReader::event_id_at(Position position) {
  const Deadline deadline = Deadline::in(kReading);
  Parameters parameters;
  parameters.int8(position.value);
  auto rows =
      pool_.with_session(deadline, [&](Session& session) { return session.run(event_id_, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  if (rows->empty()) return std::nullopt;
  return rows->uuid(0, 0);
}

Result<Position> LogReader::floor() {
  const Deadline deadline = Deadline::in(kReading);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(floor_, {}, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  if (rows->empty()) return fail(row_of_head_gone());
  return Position{rows->integer(0, 0)};
}

Result<Position> LogReader::head() {
  const Deadline deadline = Deadline::in(kReading);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(head_, {}, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  return Position{rows->integer(0, 0)};
}

}  // namespace penstock::store::postgres
