#include "store/postgres/postgres_gaps.h"

#include <algorithm>

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kCall{5};

constexpr std::string_view kSelect =
    "SELECT g.number, g.route, g.reason, g.first_position, g.last_position, g.events, g.recorded_at, "
    "g.acknowledged_by, g.kind"
    " FROM @schema@.gaps g ";

std::string select_gaps(const Schema& schema, std::string_view rest) {
  return schema.expand(std::string(kSelect) + std::string(rest));
}

GapRecord gap_from(const Rows& rows, std::size_t row) {
  GapRecord gap;
  gap.number = rows.integer(row, 0);
  gap.route = rows.bytes(row, 1);
  gap.reason = rows.bytes(row, 2);
  gap.from = Position{rows.integer(row, 3)};
  gap.to = Position{rows.integer(row, 4)};
  gap.events = split_ids(rows.bytes(row, 5));
  gap.recorded_at = rows.timestamp(row, 6);
  gap.acknowledged_by = rows.bytes(row, 7);
  gap.of = parse_gap_kind(rows.bytes(row, 8));
  return gap;
}

Result<std::optional<GapRecord>> first_of(Result<Rows> rows) {
  if (!rows) return fail(std::move(rows.error()));
  if (rows->empty()) return std::nullopt;
  return gap_from(*rows, 0);
}

}  // namespace

PostgresGaps::PostgresGaps(SessionPool& pool, const Schema& schema)
    : pool_(pool),
      insert_{"insert_gap",
              schema.expand(
                  "INSERT INTO @schema@.gaps (route, reason, first_position, last_position, events,"
                  " recorded_at, kind) VALUES ($1, $2, $3, $4, $5, clock_timestamp(), $6) ON CONFLICT DO NOTHING")},
      number_{"gap_number", schema.expand("SELECT g.number FROM @schema@.gaps g WHERE g.route = $1 AND g.reason = $2"
                                          " AND g.first_position = $3 AND g.last_position = $4 AND md5(g.events) ="
                                          " md5($5) AND g.kind = $6")},
      list_{"list_gaps", select_gaps(schema, "WHERE g.number > $1 ORDER BY g.number LIMIT $2")},
      find_{"find_gap", select_gaps(schema, "WHERE g.number = $1")},
      find_open_{"find_open_gap", select_gaps(schema,
                                              "WHERE g.kind = 'route' AND g.route = $1 AND g.acknowledged_at IS NULL"
                                              " ORDER BY g.number LIMIT 1")},
      acknowledge_{"acknowledge_gap",
                   schema.expand("UPDATE @schema@.gaps g SET acknowledged_by = CASE WHEN g.acknowledged_at IS NULL"
                                 " THEN $2 ELSE g.acknowledged_by END, acknowledged_at = coalesce(g.acknowledged_at,"
                                 " clock_timestamp()) WHERE g.number = $1")} {}

Result<Rows> PostgresGaps::ask(const Statement& statement, const Parameters& parameters) {
  const Deadline deadline = Deadline::in(kCall);
  return pool_.with_session(deadline, [&](Session& session) { return session.run(statement, parameters, deadline); });
}

Result<std::int64_t> PostgresGaps::record(const GapRecord& gap) {
  Parameters row;
  row.text(gap.route).text(gap.reason).int8(gap.from.value).int8(gap.to.value).text(join_ids(gap.events));
  row.text(to_string(gap.of));
  if (auto inserted = ask(insert_, row); !inserted) return fail(std::move(inserted.error()));
  auto number = ask(number_, row);
  if (!number) return fail(std::move(number.error()));
  if (number->empty()) return fail(codes::kStoreCorrupt, "a gap record that was just written is not there");
  return number->integer(0, 0);
}

Result<std::vector<GapRecord>> PostgresGaps::list(std::int64_t after, std::size_t limit) {
  Parameters page;
  page.int8(after).int8(static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX)));
  auto rows = ask(list_, page);
  if (!rows) return fail(std::move(rows.error()));
  std::vector<GapRecord> found;
  for (std::size_t row = 0; row < rows->size(); ++row) found.push_back(gap_from(*rows, row));
  return found;
}

Result<std::optional<GapRecord>> PostgresGaps::find(std::int64_t number) {
  Parameters one;
  one.int8(number);
  return first_of(ask(find_, one));
}

Result<std::optional<GapRecord>> PostgresGaps::find_open(std::string_view route) {
  Parameters one;
  one.text(route);
  return first_of(ask(find_open_, one));
}

Status PostgresGaps::acknowledge(std::int64_t number, std::string_view by) {
  Parameters row;
  row.int8(number).text(by);
  auto changed = ask(acknowledge_, row);
  if (!changed) return fail(std::move(changed.error()));
  if (changed->affected() == 0) return fail(codes::kStoreNoSuchGap, "there is no gap " + std::to_string(number));
  return {};
}

}  // namespace penstock::store::postgres
