#include "store/postgres/postgres_parked.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kCall{12};

constexpr std::string_view kColumns =
    "p.number, p.kind, p.route, p.source, p.source_key, p.event_id, p.key, p.position, p.code, p.reason, p.kept,"
    " p.parked_at";

ParkedEvent parked_from(const Rows& rows, std::size_t row) {
  ParkedEvent parked;
  parked.number = rows.integer(row, 0);
  parked.as = rows.bytes(row, 1) == "skipped" ? ParkedAs::kSkipped : ParkedAs::kParked;
  parked.route = rows.bytes(row, 2);
  parked.source = rows.bytes(row, 3);
  parked.source_key = rows.bytes(row, 4);
  if (!rows.is_null(row, 5)) parked.event_id = rows.uuid(row, 5);
  if (!rows.is_null(row, 6)) parked.key = rows.bytes(row, 6);
  if (!rows.is_null(row, 7)) parked.position = Position{rows.integer(row, 7)};
  parked.code = rows.bytes(row, 8);
  parked.reason = rows.bytes(row, 9);
  parked.kept = rows.bytes(row, 10) == "whole" ? ParkedEvent::Kept::kWhole : ParkedEvent::Kept::kByReference;
  parked.parked_at = rows.timestamp(row, 11);
  return parked;
}

Parameters parameters_of(const ParkedEvent& parked) {
  const auto digest = digest_of(parked);
  Parameters row;
  row.text(parked.as == ParkedAs::kSkipped ? "skipped" : "parked").text(parked.route).text(parked.source);
  row.words(parked.source_key).uuid(parked.event_id);
  row.words(parked.key);
  row.int8(parked.position ? std::optional(parked.position->value) : std::nullopt);
  row.text(parked.code).words(parked.reason).words(parked.content);
  row.text(parked.kept == ParkedEvent::Kept::kWhole ? "whole" : "by_reference");
  row.bytea(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
  return row;
}

}  // namespace

PostgresParked::PostgresParked(SessionPool& pool, const Schema& schema)
    : pool_(pool),
      park_{"park",
            schema.expand("INSERT INTO @schema@.parked (kind, route, source, source_key, event_id, key, position,"
                          " code, reason, content, kept, digest, parked_at) VALUES ($1, $2, $3, $4, $5, $6, $7,"
                          " $8, $9, $10, $11, $12, clock_timestamp()) ON CONFLICT DO NOTHING")},
      list_{"list_parked", schema.expand("SELECT " + std::string(kColumns) +
                                         " FROM @schema@.parked p WHERE p.number > $1 ORDER BY p.number LIMIT $2")},
      list_route_{"list_parked_of", schema.expand("SELECT " + std::string(kColumns) +
                                                  " FROM @schema@.parked p WHERE p.number > $1"
                                                  " AND p.route = $3 ORDER BY p.number LIMIT $2")},
      find_{"find_parked", schema.expand("SELECT " + std::string(kColumns) +
                                         ", p.content FROM @schema@.parked p WHERE p.number = $1")},
      by_reference_{"parked_by_reference",
                    schema.expand("SELECT p.source_key FROM @schema@.parked p WHERE p.route = $1 AND p.source = $2"
                                  " AND p.kept = 'by_reference' ORDER BY p.number")},
      count_{"count_parked", schema.expand("SELECT count(*) FROM @schema@.parked p")},
      count_route_{"count_parked_of", schema.expand("SELECT count(*) FROM @schema@.parked p WHERE p.route = $1")} {}

Status PostgresParked::park(const std::vector<ParkedEvent>& rows) {
  if (rows.empty()) return {};
  const Deadline deadline = Deadline::in(kCall);
  std::vector<Parameters> parameters;
  for (const ParkedEvent& row : rows) parameters.push_back(parameters_of(row));
  std::vector<Call> calls;
  for (const Parameters& row : parameters) calls.push_back({&park_, &row});
  // One pipeline outside of BEGIN is one transaction.
  auto done = pool_.with_session(deadline, [&](Session& session) { return session.run_pipeline(calls, deadline); });
  if (!done) return fail(std::move(done.error()));
  return {};
}

Result<std::vector<ParkedEvent>> PostgresParked::list(std::string_view route, std::int64_t after, std::size_t limit) {
  const Deadline deadline = Deadline::in(kCall);
  Parameters parameters;
  parameters.int8(after).int8(static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX)));
  if (!route.empty()) parameters.text(route);
  const Statement& statement = route.empty() ? list_ : list_route_;
  auto rows =
      pool_.with_session(deadline, [&](Session& session) { return session.run(statement, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  std::vector<ParkedEvent> found;
  for (std::size_t row = 0; row < rows->size(); ++row) found.push_back(parked_from(*rows, row));
  return found;
}

Result<std::optional<ParkedEvent>> PostgresParked::find(std::int64_t number) {
  const Deadline deadline = Deadline::in(kCall);
  Parameters parameters;
  parameters.int8(number);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(find_, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  if (rows->empty()) return std::nullopt;
  ParkedEvent found = parked_from(*rows, 0);
  found.content = rows->bytes(0, 12);
  return found;
}

Result<std::vector<std::string>> PostgresParked::kept_by_reference(std::string_view route, std::string_view source) {
  const Deadline deadline = Deadline::in(kCall);
  Parameters parameters;
  parameters.text(route).text(source);
  auto rows =
      pool_.with_session(deadline, [&](Session& session) { return session.run(by_reference_, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  std::vector<std::string> keys;
  for (std::size_t row = 0; row < rows->size(); ++row) keys.emplace_back(rows->bytes(row, 0));
  return keys;
}

Result<std::uint64_t> PostgresParked::count(std::string_view route) {
  const Deadline deadline = Deadline::in(kCall);
  Parameters parameters;
  if (!route.empty()) parameters.text(route);
  const Statement& statement = route.empty() ? count_ : count_route_;
  auto rows =
      pool_.with_session(deadline, [&](Session& session) { return session.run(statement, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  return static_cast<std::uint64_t>(rows->integer(0, 0));
}

}  // namespace penstock::store::postgres
