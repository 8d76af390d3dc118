#include "store/sqlite/sqlite_checkpoints.h"

#include "core/failpoint.h"
#include "store/sqlite/sqlite_leases.h"
#include "store/store_faults.h"

namespace penstock::store::sqlite {
namespace {

constexpr std::string_view kSelect =
    "SELECT route, position, event_id, system_identifier, timeline, incarnation FROM checkpoints";

Checkpoint checkpoint_in(const Cursor& row) {
  return {Position{row.number(1)}, row.id(2), {std::string(row.text(3)), row.number(4), row.number(5)}};
}

std::string doing(std::string_view what, std::string_view route) {
  return std::string(what) + " the checkpoint of route \"" + std::string(route) + "\"";
}

}  // namespace

Result<std::optional<Checkpoint>> find_checkpoint(Connection& connection, std::string_view route) {
  static const std::string kByRoute = std::string(kSelect) + " WHERE route = ?1";
  auto cursor = connection.prepare(kByRoute);
  if (!cursor) return fail(std::move(cursor.error()));
  const auto stepped = cursor->bind_text(route).step();
  if (!stepped) return fail(stepped.error());
  if (*stepped == Cursor::Step::kDone) return std::nullopt;
  return checkpoint_in(*cursor);
}

Result<std::optional<EventId>> find_event_at(Connection& connection, Position position) {
  if (position == Position{0}) return EventId();
  // At the floor, whose row may be gone, the head knows it.
  auto cursor = connection.prepare(
      "SELECT id FROM events WHERE position = ?1 UNION ALL SELECT floor_id FROM head WHERE floor = ?1 LIMIT 1");
  if (!cursor) return fail(std::move(cursor.error()));
  const auto stepped = cursor->bind(position.value).step();
  if (!stepped) return fail(stepped.error());
  if (*stepped == Cursor::Step::kDone) return std::nullopt;
  return cursor->id(0);
}

Result<Checkpoint> write_checkpoint(Connection& connection, const Lease& lease, std::string_view route,
                                    Position position) {
  const auto id = find_event_at(connection, position);
  if (!id) return fail(id.error());
  const auto floor = connection.read_number("SELECT floor FROM head");
  if (!floor) return fail(floor.error());
  if (!*id && position.value <= *floor) return fail(no_checkpoint_below(Position{*floor}, position));
  if (!*id) return fail(no_event_at(position));
  auto identity = read_identity(connection);
  if (!identity) return fail(std::move(identity.error()));
  auto cursor = connection.prepare(
      "INSERT OR REPLACE INTO checkpoints (route, position, event_id, system_identifier, timeline, incarnation, epoch,"
      " updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  if (!cursor) return fail(std::move(cursor.error()));
  cursor->bind_text(route)
      .bind(position.value)
      .bind_id(**id)
      .bind_text(identity->system_identifier)
      .bind(identity->timeline)
      .bind(identity->incarnation)
      .bind(lease.epoch.value)
      .bind(microseconds_of(database_now()));
  if (auto written = cursor->run(); !written) return fail(std::move(written.error()));
  return Checkpoint{position, **id, std::move(*identity)};
}

Result<StoreIdentity> read_identity(Connection& connection) {
  auto cursor = connection.prepare("SELECT identifier, incarnation FROM head");
  if (!cursor) return fail(std::move(cursor.error()));
  if (auto found = cursor->step_to_row_of("head"); !found) return fail(std::move(found.error()));
  return StoreIdentity{std::string(cursor->text(0)), 0, cursor->number(1)};
}

Result<std::optional<Checkpoint>> SqliteCheckpoints::load(std::string_view route) {
  return database_.read(doing("loading", route), [&](Connection& connection) -> Result<std::optional<Checkpoint>> {
    auto found = find_checkpoint(connection, route);
    if (!found || !*found) return found;
    const auto identity = read_identity(connection);
    if (!identity) return fail(identity.error());
    const bool is_same = (*found)->identity == *identity;
    (*found)->store = is_same ? Checkpoint::Store::kSame : Checkpoint::Store::kChanged;
    return found;
  });
}

Result<Checkpoint> SqliteCheckpoints::create(const Lease& lease, std::string_view route, Position start) {
  return database_.write(doing("creating", route), [&](Connection& connection) -> Result<Checkpoint> {
    if (auto held = check_lease(connection, lease); !held) return fail(std::move(held.error()));
    auto found = find_checkpoint(connection, route);
    if (!found) return fail(std::move(found.error()));
    if (*found) return std::move(**found);
    return write_checkpoint(connection, lease, route, start);
  });
}

Status SqliteCheckpoints::advance(const Lease& lease, std::string_view route, Position from, const Settled& to) {
  return database_.write(doing("advancing", route), [&](Connection& connection) -> Status {
    if (auto held = check_lease(connection, lease); !held) return held;
    const auto found = find_checkpoint(connection, route);
    if (!found) return fail(found.error());
    const auto stored = *found ? std::optional((*found)->position) : std::nullopt;
    const auto step = judge_advance(route, stored, from, to.position);
    if (!step) return fail(step.error());
    if (*step == CheckpointStep::kStandsThere) return {};
    auto written = write_checkpoint(connection, lease, route, to.position);
    if (!written) return fail(std::move(written.error()));
    if (auto same = check_settled(route, to, written->event_id, kOnlyGeneration); !same) return same;
    pass_failpoint("store.checkpoint_in_transaction");
    return {};
  });
}

Status SqliteCheckpoints::rename(const Lease& lease, std::string_view old_route, std::string_view route) {
  return database_.write(doing("renaming", old_route), [&](Connection& connection) -> Status {
    if (auto held = check_lease(connection, lease); !held) return held;
    auto checkpoint = connection.prepare(
        "UPDATE checkpoints SET route = ?1 WHERE route = ?2"
        " AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE route = ?1)");
    if (!checkpoint) return fail(std::move(checkpoint.error()));
    if (auto renamed = checkpoint->bind_text(route).bind_text(old_route).run(); !renamed) return renamed;
    if (connection.changed_rows() == 0) return {};
    // One that is on record under both names stays where it is.
    auto gaps = connection.prepare("UPDATE OR IGNORE gaps SET route = ?1 WHERE kind = 'route' AND route = ?2");
    if (!gaps) return fail(std::move(gaps.error()));
    return gaps->bind_text(route).bind_text(old_route).run();
  });
}

Result<std::vector<std::pair<std::string, Checkpoint>>> SqliteCheckpoints::list() {
  using List = std::vector<std::pair<std::string, Checkpoint>>;
  return database_.read("listing checkpoints", [](Connection& connection) -> Result<List> {
    static const std::string kAll = std::string(kSelect) + " ORDER BY route";
    auto cursor = connection.prepare(kAll);
    if (!cursor) return fail(std::move(cursor.error()));
    List found;
    for (;;) {
      const auto stepped = cursor->step();
      if (!stepped) return fail(stepped.error());
      if (*stepped == Cursor::Step::kDone) return found;
      found.emplace_back(std::string(cursor->text(0)), checkpoint_in(*cursor));
    }
  });
}

}  // namespace penstock::store::sqlite
