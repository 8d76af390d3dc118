#include "store/sqlite/sqlite_attempts.h"

namespace penstock::store::sqlite {
namespace {

constexpr std::string_view kOpening;

Status remove(Connection& connection, std::string_view route, std::string_view item) {
  auto cursor = connection.prepare("DELETE FROM attempts WHERE route = ?1 AND item = ?2");
  if (!cursor) return fail(std::move(cursor.error()));
  return cursor->bind_text(route).bind_text(item).run();
}

Status set(Connection& connection, std::string_view route, std::string_view item, std::uint32_t attempts) {
  if (attempts == 0) return remove(connection, route, item);
  auto cursor = connection.prepare(
      "INSERT INTO attempts (route, item, attempts) VALUES (?1, ?2, ?3)"
      " ON CONFLICT (route, item) DO UPDATE SET attempts = excluded.attempts");
  if (!cursor) return fail(std::move(cursor.error()));
  return cursor->bind_text(route).bind_text(item).bind(std::int64_t{attempts}).run();
}

}  // namespace

Result<RouteAttempts> SqliteAttempts::load(std::string_view route) {
  return database_.read("loading attempts", [&](Connection& connection) -> Result<RouteAttempts> {
    auto cursor = connection.prepare("SELECT item, attempts FROM attempts WHERE route = ?1");
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind_text(route);
    RouteAttempts found;
    for (;;) {
      const auto stepped = cursor->step();
      if (!stepped) return fail(stepped.error());
      if (*stepped == Cursor::Step::kDone) return found;
      const auto attempts = static_cast<std::uint32_t>(cursor->number(1));
      if (cursor->text(0) == kOpening)
        found.openings = attempts;
      else
        found.rows.emplace(cursor->text(0), attempts);
    }
  });
}

Status SqliteAttempts::count_openings(std::string_view route, std::uint32_t openings) {
  return database_.write("counting an opening",
                         [&](Connection& connection) -> Status { return set(connection, route, kOpening, openings); });
}

Status SqliteAttempts::count_row(std::string_view route, const RowAttempts& row,
                                 std::optional<std::string_view> ended) {
  return database_.write("counting an attempt", [&](Connection& connection) -> Status {
    if (ended)
      if (auto removed = remove(connection, route, *ended); !removed) return removed;
    return set(connection, route, row.row, row.attempts);
  });
}

Status SqliteAttempts::forget(std::string_view route) {
  return database_.write("forgetting attempts", [&](Connection& connection) -> Status {
    auto cursor = connection.prepare("DELETE FROM attempts WHERE route = ?1");
    if (!cursor) return fail(std::move(cursor.error()));
    return cursor->bind_text(route).run();
  });
}

}  // namespace penstock::store::sqlite
