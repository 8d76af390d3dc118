#include "store/sqlite/sqlite_gaps.h"

#include <algorithm>

namespace penstock::store::sqlite {
namespace {

std::string select_gaps(std::string_view rest) {
  return "SELECT number, route, reason, first_position, last_position, events, recorded_at, acknowledged_by, kind"
         " FROM gaps " +
         std::string(rest);
}

GapRecord gap_in(const Cursor& row) {
  GapRecord gap;
  gap.number = row.number(0);
  gap.route = row.text(1);
  gap.reason = row.text(2);
  gap.from = Position{row.number(3)};
  gap.to = Position{row.number(4)};
  gap.events = split_ids(row.text(5));
  gap.recorded_at = timestamp_of(row.number(6));
  gap.acknowledged_by = row.text(7);
  gap.of = parse_gap_kind(row.text(8));
  return gap;
}

Result<std::optional<GapRecord>> first_of(Cursor& cursor) {
  const auto stepped = cursor.step();
  if (!stepped) return fail(stepped.error());
  if (*stepped == Cursor::Step::kDone) return std::nullopt;
  return gap_in(cursor);
}

Cursor& bind_gap(Cursor& cursor, const GapRecord& gap, const std::string& events) {
  return cursor.bind_text(gap.route)
      .bind_text(gap.reason)
      .bind(gap.from.value)
      .bind(gap.to.value)
      .bind_text(events)
      .bind_text(to_string(gap.of));
}

}  // namespace

Result<std::int64_t> SqliteGaps::record(const GapRecord& gap) {
  return database_.write("recording a gap", [&](Connection& connection) -> Result<std::int64_t> {
    const std::string events = join_ids(gap.events);
    auto insert = connection.prepare(
        "INSERT OR IGNORE INTO gaps (route, reason, first_position, last_position, events, kind, recorded_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    if (!insert) return fail(std::move(insert.error()));
    if (auto done = bind_gap(*insert, gap, events).bind(microseconds_of(database_now())).run(); !done)
      return fail(std::move(done.error()));
    auto number = connection.prepare(
        "SELECT number FROM gaps WHERE route = ?1 AND reason = ?2 AND first_position = ?3 AND last_position = ?4"
        " AND events = ?5 AND kind = ?6");
    if (!number) return fail(std::move(number.error()));
    if (const auto stepped = bind_gap(*number, gap, events).step(); !stepped) return fail(stepped.error());
    return number->number(0);
  });
}

Result<std::vector<GapRecord>> SqliteGaps::list(std::int64_t after, std::size_t limit) {
  return database_.read("listing gaps", [&](Connection& connection) -> Result<std::vector<GapRecord>> {
    static const std::string kPage = select_gaps("WHERE number > ?1 ORDER BY number LIMIT ?2");
    auto cursor = connection.prepare(kPage);
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind(after).bind(static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX)));
    std::vector<GapRecord> found;
    for (;;) {
      const auto stepped = cursor->step();
      if (!stepped) return fail(stepped.error());
      if (*stepped == Cursor::Step::kDone) return found;
      found.push_back(gap_in(*cursor));
    }
  });
}

Result<std::optional<GapRecord>> SqliteGaps::find(std::int64_t number) {
  return database_.read("finding a gap", [&](Connection& connection) -> Result<std::optional<GapRecord>> {
    static const std::string kOne = select_gaps("WHERE number = ?1");
    auto cursor = connection.prepare(kOne);
    if (!cursor) return fail(std::move(cursor.error()));
    return first_of(cursor->bind(number));
  });
}

Result<std::optional<GapRecord>> SqliteGaps::find_open(std::string_view route) {
  return database_.read("finding a gap", [&](Connection& connection) -> Result<std::optional<GapRecord>> {
    static const std::string kOpen =
        select_gaps("WHERE kind = 'route' AND route = ?1 AND acknowledged_at IS NULL ORDER BY number LIMIT 1");
    auto cursor = connection.prepare(kOpen);
    if (!cursor) return fail(std::move(cursor.error()));
    return first_of(cursor->bind_text(route));
  });
}

Status SqliteGaps::acknowledge(std::int64_t number, std::string_view by) {
  return database_.write("acknowledging a gap", [&](Connection& connection) -> Status {
    auto cursor = connection.prepare(
        "UPDATE gaps SET acknowledged_by = CASE WHEN acknowledged_at IS NULL THEN ?1 ELSE acknowledged_by END,"
        " acknowledged_at = coalesce(acknowledged_at, ?2) WHERE number = ?3");
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind_text(by).bind(microseconds_of(database_now())).bind(number);
    if (auto changed = cursor->run(); !changed) return changed;
    if (connection.changed_rows() == 0)
      return fail(codes::kStoreNoSuchGap, "there is no gap " + std::to_string(number));
    return {};
  });
}

}  // namespace penstock::store::sqlite
