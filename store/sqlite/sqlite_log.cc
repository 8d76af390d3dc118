#include "store/sqlite/sqlite_log.h"

#include <algorithm>

#include "store/sqlite/event_page.h"

namespace penstock::store::sqlite {
namespace {

// One row more than fits is asked for, so that a page knows whether it looked at everything.
std::int64_t rows_of(const ReadLimit& limit) {
  constexpr std::size_t kMost = 1'000'000;
  return static_cast<std::int64_t>(std::min(limit.events, kMost)) + 1;
}

enum class Ended { kAtTheLastRow, kForWantOfRoom };

Result<Ended> fill(EventPage& page, Connection& connection, const LogQuery& query, std::int64_t first,
                   std::int64_t last, const ReadLimit& limit, const LogFilter& filter) {
  constexpr std::int64_t kNoLimit = -1;
  const bool some_rows = query.admits == LogQuery::Admits::kSomeRows;
  const std::int64_t most = some_rows ? kNoLimit : rows_of(limit);
  std::int64_t rows = 0;
  auto cursor = connection.prepare(query.sql);
  if (!cursor) return fail(std::move(cursor.error()));
  cursor->bind(first).bind(last).bind(most);
  for (const std::string_view word : query.words) cursor->bind_text(word);
  for (;;) {
    const auto stepped = cursor->step();
    if (!stepped) return fail(stepped.error());
    // Stubs fill no room, so the limit of the rows may be what ended them.
    if (*stepped == Cursor::Step::kDone) return rows == most ? Ended::kForWantOfRoom : Ended::kAtTheLastRow;
    ++rows;
    if (some_rows && !filter.admits(EventPage::event_in(*cursor))) continue;
    if (page.add(*cursor) == EventPage::Added::kNoRoom) return Ended::kForWantOfRoom;
  }
}

// Position of the first event that was recorded at `time` or later, one beyond the head if there is none.
// recorded_at ascends with the position, so this is a bisection.
Result<std::int64_t> find_time(Connection& connection, Timestamp time) {
  const auto head = connection.read_number("SELECT position FROM head");
  if (!head) return fail(head.error());
  const auto floor = connection.read_number("SELECT floor FROM head");
  if (!floor) return fail(floor.error());
  auto cursor = connection.prepare(
      "SELECT position, recorded_at FROM events WHERE position BETWEEN ?1 AND ?2 AND removed_at IS NULL"
      " ORDER BY position LIMIT 1");
  if (!cursor) return fail(std::move(cursor.error()));
  std::int64_t low = *floor, high = *head + 1;  // all up to `low` are older, none from `high` on is
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    cursor->again();
    const auto stepped = cursor->bind(middle).bind(high - 1).step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kRow && timestamp_of(cursor->number(1)) < time)
      low = cursor->number(0);
    else
      high = middle;
  }
  return high;
}

Result<std::optional<Position>> position_found(Cursor& cursor) {
  const auto stepped = cursor.step();
  if (!stepped) return fail(stepped.error());
  if (*stepped == Cursor::Step::kDone) return std::nullopt;
  return Position{cursor.number(0)};
}

// As much of the stretch as there is room for; `end`: where the query comes to at last.
Result<LogPage> read_stretch(Connection& connection, const LogQuery& query, std::int64_t first, std::int64_t last,
                             Position end, const ReadLimit& limit, const LogFilter& filter) {
  EventPage page(limit);
  const auto ended = fill(page, connection, query, first, last, limit, filter);
  if (!ended) return fail(ended.error());
  const Position reached = *ended == Ended::kForWantOfRoom ? page.reached() : end;
  const std::uint64_t removed = filter.admits_all() ? page.stubs() : 0;
  return LogPage{std::move(page).finish(), reached, removed};
}

Result<LogPage> read_table(Connection& connection, Position after, const ReadLimit& limit, const LogFilter& filter) {
  const LogQuery query = make_log_query(filter, Order::kAscending);
  const auto head = connection.read_number("SELECT position FROM head");
  if (!head) return fail(head.error());
  const auto floor = connection.read_number("SELECT floor FROM head");
  if (!floor) return fail(floor.error());
  if (after.value < *floor) return fail(removed_below(Position{*floor}));
  if (after.value >= *head) return LogPage{EventBatchBuilder().finish(), after};
  const std::int64_t first = std::max<std::int64_t>(after.value, 0) + 1;
  const std::int64_t last = query.stretch ? std::min(*head, first + *query.stretch - 1) : *head;
  return read_stretch(connection, query, first, last, Position{last}, limit, filter);
}

}  // namespace

SqliteLog::SqliteLog(Database& database, HeadWatch& watch, std::size_t tail_bytes)
    : database_(database),
      watch_(watch),
      tail_([this](Position after, const ReadLimit& limit) { return read_tail(after, limit); }, tail_bytes) {}

Result<LogPage> SqliteLog::read_after(Position after, ReadLimit limit, const LogFilter& filter) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  auto tail = tail_.read_after(after, limit, filter, watch_.known());
  if (!tail) return fail(std::move(tail.error()));
  if (*tail) return *std::move(*tail);
  return read_table_after(after, limit, filter);
}

Result<LogPage> SqliteLog::read_table_after(Position after, const ReadLimit& limit, const LogFilter& filter) {
  return database_.read("reading the log", [&](Connection& connection) -> Result<LogPage> {
    // One snapshot for the head and the rows below it.
    auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
    if (!snapshot) return fail(std::move(snapshot.error()));
    return read_table(connection, after, limit, filter);
  });
}

Result<HotTail::Loaded> SqliteLog::read_tail(Position after, const ReadLimit& limit) {
  return database_.read("reading the log", [&](Connection& connection) -> Result<HotTail::Loaded> {
    auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
    if (!snapshot) return fail(std::move(snapshot.error()));
    auto identity = read_identity(connection);
    if (!identity) return fail(std::move(identity.error()));
    auto page = read_table(connection, after, limit, {});
    if (!page) return fail(std::move(page.error()));
    return HotTail::Loaded{std::move(*page), std::move(*identity)};
  });
}

Result<LogPage> SqliteLog::read_before(Position before, ReadLimit limit, const LogFilter& filter) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  return database_.read("reading the log", [&](Connection& connection) -> Result<LogPage> {
    const LogQuery query = make_log_query(filter, Order::kDescending);
    auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
    if (!snapshot) return fail(std::move(snapshot.error()));
    const auto head = connection.read_number("SELECT position FROM head");
    if (!head) return fail(head.error());
    const auto floor = connection.read_number("SELECT floor FROM head");
    if (!floor) return fail(floor.error());
    if (*floor > 0 && before.value <= *floor) return fail(removed_below(Position{*floor}));
    const std::int64_t lowest = *floor + 1;
    const std::int64_t last = std::min(*head, std::max<std::int64_t>(before.value, 1) - 1);
    const std::int64_t first = query.stretch ? std::max(lowest, last - *query.stretch + 1) : lowest;
    if (last < first) return LogPage{EventBatchBuilder().finish(), before};
    return read_stretch(connection, query, first, last, Position{first}, limit, filter);
  });
}

Result<std::optional<Position>> SqliteLog::first_since(Timestamp time) {
  return database_.read("finding a time", [&](Connection& connection) -> Result<std::optional<Position>> {
    auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
    if (!snapshot) return fail(std::move(snapshot.error()));
    const auto border = find_time(connection, time);
    if (!border) return fail(border.error());
    auto cursor = connection.prepare(
        "SELECT position FROM events WHERE position >= ?1 AND removed_at IS NULL ORDER BY position LIMIT 1");
    if (!cursor) return fail(std::move(cursor.error()));
    return position_found(cursor->bind(*border));
  });
}

Result<std::optional<Position>> SqliteLog::last_before(Timestamp time) {
  return database_.read("finding a time", [&](Connection& connection) -> Result<std::optional<Position>> {
    auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
    if (!snapshot) return fail(std::move(snapshot.error()));
    const auto border = find_time(connection, time);
    if (!border) return fail(border.error());
    auto cursor = connection.prepare(
        "SELECT position FROM events WHERE position < ?1 AND position > (SELECT floor FROM head) AND removed_at IS NULL"
        " ORDER BY position DESC LIMIT 1");
    if (!cursor) return fail(std::move(cursor.error()));
    return position_found(cursor->bind(*border));
  });
}

Result<Position> SqliteLog::floor() {
  return database_.read("reading the floor", [](Connection& connection) -> Result<Position> {
    const auto floor = connection.read_number("SELECT floor FROM head");
    if (!floor) return fail(floor.error());
    return Position{*floor};
  });
}

Result<std::optional<EventId>> SqliteLog::event_id_at(Position position) {
  return database_.read("finding an event", [&](Connection& connection) -> Result<std::optional<EventId>> {
    if (position == Position{0}) return std::nullopt;
    return find_event_at(connection, position);
  });
}

}  // namespace penstock::store::sqlite
