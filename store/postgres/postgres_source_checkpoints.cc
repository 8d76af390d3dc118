#include "store/postgres/postgres_source_checkpoints.h"

#include "store/store_faults.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kCall{5};

}  // namespace

// An advance inserts the first checkpoint, or replaces the one that it expects or has left itself.
PostgresSourceCheckpoints::PostgresSourceCheckpoints(SessionPool& pool, const Schema& schema)
    : pool_(pool),
      load_{"load_source_checkpoint", schema.expand("SELECT c.position, c.system_identifier, c.timeline"
                                                    " FROM @schema@.source_checkpoints c WHERE c.source = $1")},
      advance_{"advance_source_checkpoint",
               schema.expand("WITH held AS (SELECT FROM @schema@.leases l"
                             " WHERE l.name = $1 AND l.owner = $2 AND l.epoch = $3 FOR SHARE),"
                             " moved AS (INSERT INTO @schema@.source_checkpoints AS c"
                             " (source, position, system_identifier, timeline, epoch, updated_at)"
                             " SELECT $4, $6, $7, $8, $3, clock_timestamp() FROM held WHERE $5::text IS NULL OR EXISTS"
                             " (SELECT FROM @schema@.source_checkpoints e WHERE e.source = $4)"
                             " ON CONFLICT (source) DO UPDATE SET position = excluded.position,"
                             " system_identifier = excluded.system_identifier, timeline = excluded.timeline,"
                             " epoch = excluded.epoch, updated_at = excluded.updated_at"
                             " WHERE c.position = $5 OR c.position = $6 RETURNING 1)"
                             " SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM moved)")} {}

Result<std::optional<SourceCheckpoint>> PostgresSourceCheckpoints::load(std::string_view source) {
  const Deadline deadline = Deadline::in(kCall);
  Parameters name;
  name.text(source);
  const auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(load_, name, deadline); });
  if (!rows) return fail(rows.error());
  if (rows->empty()) return std::nullopt;
  return SourceCheckpoint{std::string(rows->bytes(0, 0)), std::string(rows->bytes(0, 1)), rows->integer(0, 2)};
}

Status PostgresSourceCheckpoints::advance(const Lease& lease, std::string_view source,
                                          const std::optional<SourceCheckpoint>& from, const SourceCheckpoint& to) {
  const Deadline deadline = Deadline::in(kCall);
  Parameters parameters;
  parameters.text(lease.name).text(lease.owner).int8(lease.epoch.value).text(source);
  parameters.text(from ? std::optional<std::string_view>(from->position) : std::nullopt);
  parameters.text(to.position).text(to.system_identifier).int8(to.timeline);
  // Safe to repeat: what it left itself is what it may find.
  const auto rows =
      pool_.with_session(deadline, [&](Session& session) { return session.run(advance_, parameters, deadline); });
  if (!rows) return fail(rows.error());
  if (rows->integer(0, 0) == 0) return fail(lease_lost(lease));
  if (rows->integer(0, 1) == 0)
    return fail(codes::kStoreCorrupt,
                "the checkpoint of source \"" + std::string(source) + "\" is not where this source left it");
  return {};
}

}  // namespace penstock::store::postgres
