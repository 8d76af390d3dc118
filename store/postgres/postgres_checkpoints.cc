#include "store/postgres/postgres_checkpoints.h"

#include "core/failpoint.h"
#include "store/store_faults.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kCall{5};

Checkpoint checkpoint_from(const Rows& rows, std::size_t row, std::size_t column) {
  return Checkpoint{Position{rows.integer(row, column)}, rows.uuid(row, column + 1),
                    StoreIdentity{std::string(rows.bytes(row, column + 2)), rows.integer(row, column + 3),
                                  rows.integer(row, column + 4)}};
}

// The row of point_ for a position that has an event, or 0. Error: store.removed where the event was dropped.
Result<Checkpoint> checkpoint_at(const Rows& point, Position position) {
  if (point.empty()) return fail(row_of_head_gone());
  const Position floor{point.integer(0, 5)};
  if (point.is_null(0, 1) && position <= floor) return fail(no_checkpoint_below(floor, position));
  if (point.is_null(0, 1)) return fail(no_event_at(position));
  return checkpoint_from(point, 0, 0);
}

void add_point(Parameters& parameters, const Checkpoint& checkpoint, const Lease& lease) {
  parameters.int8(checkpoint.position.value).uuid(checkpoint.event_id);
  parameters.text(checkpoint.identity.system_identifier).int8(checkpoint.identity.timeline);
  parameters.int8(checkpoint.identity.incarnation).int8(lease.epoch.value);
}

}  // namespace

PostgresCheckpoints::PostgresCheckpoints(SessionPool& pool, const Schema& schema)
    : pool_(pool),
      begin_{"begin", "BEGIN"},
      commit_{"commit", "COMMIT"},
      hold_lease_{"hold_lease", schema.expand("SELECT FROM @schema@.leases l"
                                              " WHERE l.name = $1 AND l.owner = $2 AND l.epoch = $3 FOR SHARE")},
      load_{"load_checkpoint",
            schema.expand("SELECT c.position, c.event_id, c.system_identifier, c.timeline, c.incarnation,"
                          " EXISTS (SELECT FROM @schema@.head h WHERE h.id = 1 AND h.system_identifier ="
                          " c.system_identifier AND h.timeline = c.timeline AND h.incarnation = c.incarnation)"
                          " FROM @schema@.checkpoints c WHERE c.route = $1")},
      point_{"checkpoint_point",
             schema.expand(
                 "SELECT $1, CASE WHEN $1 = 0 THEN '00000000-0000-0000-0000-000000000000'::uuid"
                 " ELSE coalesce((SELECT e.id FROM @schema@.events e WHERE e.position = $1),"
                 " CASE WHEN h.floor = $1 THEN h.floor_id END) END,"
                 " h.system_identifier, h.timeline, h.incarnation, h.floor FROM @schema@.head h WHERE h.id = 1")},
      insert_{"insert_checkpoint",
              schema.expand("INSERT INTO @schema@.checkpoints (route, position, event_id, system_identifier, timeline,"
                            " incarnation, epoch, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())"
                            " ON CONFLICT (route) DO NOTHING")},
      move_{"move_checkpoint",
            schema.expand("UPDATE @schema@.checkpoints c SET position = $3, event_id = $4, system_identifier = $5,"
                          " timeline = $6, incarnation = $7, epoch = $8, updated_at = clock_timestamp()"
                          " WHERE c.route = $1 AND c.position = $2")},
      rename_{"rename_checkpoint",
              schema.expand("WITH renamed AS (UPDATE @schema@.checkpoints c SET route = $2 WHERE c.route = $1"
                            " AND NOT EXISTS (SELECT FROM @schema@.checkpoints o WHERE o.route = $2) RETURNING 1)"
                            " UPDATE @schema@.gaps g SET route = $2 FROM renamed"
                            " WHERE g.kind = 'route' AND g.route = $1 AND NOT EXISTS (SELECT FROM @schema@.gaps o"
                            " WHERE o.kind = g.kind AND o.route = $2 AND o.reason = g.reason"
                            " AND o.first_position = g.first_position AND o.last_position = g.last_position"
                            " AND o.events = g.events)")},
      list_{"list_checkpoints",
            schema.expand("SELECT c.route, c.position, c.event_id, c.system_identifier, c.timeline, c.incarnation"
                          " FROM @schema@.checkpoints c ORDER BY c.route")} {}

Status PostgresCheckpoints::under_lease(const Lease& lease, std::span<const Call> reads, const Decide& decide) {
  const Deadline deadline = Deadline::in(kCall);
  // Safe to repeat: each change is judged anew by what is stored.
  return pool_.with_session(deadline,
                            [&](Session& session) { return run_under_lease(session, lease, reads, decide, deadline); });
}

Status PostgresCheckpoints::run_under_lease(Session& session, const Lease& lease, std::span<const Call> reads,
                                            const Decide& decide, Deadline deadline) {
  const auto roll_back = [&](Error error) -> Status {
    if (!session.broken() && !session.rollback(deadline)) session.close();
    return fail(std::move(error));
  };
  Parameters guard;
  guard.text(lease.name).text(lease.owner).int8(lease.epoch.value);
  std::vector<Call> calls = {{&begin_, nullptr}, {&hold_lease_, &guard}};
  calls.insert(calls.end(), reads.begin(), reads.end());
  auto answers = session.run_pipeline(calls, deadline);
  if (!answers) return roll_back(std::move(answers.error()));
  if ((*answers)[1].empty()) return roll_back(lease_lost(lease));
  auto change = decide(std::span(*answers).subspan(2));
  if (!change) return roll_back(std::move(change.error()));
  if (*change) {
    auto changed = session.run_pipeline({&**change, 1}, deadline);
    if (!changed) return roll_back(std::move(changed.error()));
  }
  pass_failpoint("store.checkpoint_in_transaction");
  auto committed = session.run(commit_, {}, deadline);
  if (committed) return {};
  if (session.broken()) return fail(codes::kStoreInDoubt, committed.error().message());
  return roll_back(std::move(committed.error()));
}

Result<std::optional<Checkpoint>> PostgresCheckpoints::load(std::string_view route) {
  const Deadline deadline = Deadline::in(kCall);
  Parameters name;
  name.text(route);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(load_, name, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  if (rows->empty()) return std::nullopt;
  Checkpoint checkpoint = checkpoint_from(*rows, 0, 0);
  checkpoint.store = rows->boolean(0, 5) ? Checkpoint::Store::kSame : Checkpoint::Store::kChanged;
  return checkpoint;
}

Result<Checkpoint> PostgresCheckpoints::create(const Lease& lease, std::string_view route, Position start) {
  Parameters name, position, row;
  name.text(route);
  position.int8(start.value);
  const Call reads[] = {{&load_, &name}, {&point_, &position}};
  std::optional<Checkpoint> result;
  auto done = under_lease(lease, reads, [&](std::span<const Rows> answers) -> Result<std::optional<Call>> {
    if (!answers[0].empty()) {
      result = checkpoint_from(answers[0], 0, 0);
      return std::nullopt;
    }
    auto made = checkpoint_at(answers[1], start);
    if (!made) return fail(std::move(made.error()));
    result = std::move(*made);
    row = Parameters();
    row.text(route);
    add_point(row, *result, lease);
    return Call{&insert_, &row};
  });
  if (!done) return fail(std::move(done.error()));
  return std::move(*result);
}

Status PostgresCheckpoints::advance(const Lease& lease, std::string_view route, Position from, const Settled& to) {
  Parameters name, position, row;
  name.text(route);
  position.int8(to.position.value);
  const Call reads[] = {{&load_, &name}, {&point_, &position}};
  return under_lease(lease, reads, [&](std::span<const Rows> answers) -> Result<std::optional<Call>> {
    std::optional<Position> stored;
    if (!answers[0].empty()) stored = Position{answers[0].integer(0, 0)};
    auto step = judge_advance(route, stored, from, to.position);
    if (!step) return fail(std::move(step.error()));
    if (*step == CheckpointStep::kStandsThere) return std::nullopt;
    auto made = checkpoint_at(answers[1], to.position);
    if (!made) return fail(std::move(made.error()));
    if (auto same = check_settled(route, to, made->event_id, pool_.generation()); !same)
      return fail(std::move(same.error()));
    row = Parameters();
    row.text(route).int8(from.value);
    add_point(row, *made, lease);
    return Call{&move_, &row};
  });
}

Status PostgresCheckpoints::rename(const Lease& lease, std::string_view old_route, std::string_view route) {
  Parameters names;
  names.text(old_route).text(route);
  return under_lease(lease, {}, [&](std::span<const Rows>) -> Result<std::optional<Call>> {
    return Call{&rename_, &names};
  });
}

Result<std::vector<std::pair<std::string, Checkpoint>>> PostgresCheckpoints::list() {
  const Deadline deadline = Deadline::in(kCall);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(list_, {}, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  std::vector<std::pair<std::string, Checkpoint>> found;
  for (std::size_t row = 0; row < rows->size(); ++row)
    found.emplace_back(std::string(rows->bytes(row, 0)), checkpoint_from(*rows, row, 1));
  return found;
}

}  // namespace penstock::store::postgres
