#include "store/sqlite/sqlite_source_checkpoints.h"

#include "store/sqlite/sqlite_leases.h"

namespace penstock::store::sqlite {
namespace {

Result<std::optional<SourceCheckpoint>> find_checkpoint(Connection& connection, std::string_view source) {
  auto cursor =
      connection.prepare("SELECT position, system_identifier, timeline FROM source_checkpoints WHERE source = ?1");
  if (!cursor) return fail(std::move(cursor.error()));
  const auto stepped = cursor->bind_text(source).step();
  if (!stepped) return fail(stepped.error());
  if (*stepped == Cursor::Step::kDone) return std::nullopt;
  return SourceCheckpoint{std::string(cursor->text(0)), std::string(cursor->text(1)), cursor->number(2)};
}

std::string doing(std::string_view what, std::string_view source) {
  return std::string(what) + " the checkpoint of source \"" + std::string(source) + "\"";
}

}  // namespace

Result<std::optional<SourceCheckpoint>> SqliteSourceCheckpoints::load(std::string_view source) {
  return database_.read(doing("loading", source),
                        [&](Connection& connection) { return find_checkpoint(connection, source); });
}

Status SqliteSourceCheckpoints::advance(const Lease& lease, std::string_view source,
                                        const std::optional<SourceCheckpoint>& from, const SourceCheckpoint& to) {
  return database_.write(doing("advancing", source), [&](Connection& connection) -> Status {
    if (auto held = check_lease(connection, lease); !held) return held;
    const auto stored = find_checkpoint(connection, source);
    if (!stored) return fail(stored.error());
    const bool as_expected =
        stored->has_value() == from.has_value() && (!from || (*stored)->position == from->position);
    const bool stands_there = stored->has_value() && (*stored)->position == to.position;
    if (!as_expected && !stands_there)
      return fail(codes::kStoreCorrupt,
                  "the checkpoint of source \"" + std::string(source) + "\" is not where this source left it");
    auto cursor = connection.prepare(
        "INSERT OR REPLACE INTO source_checkpoints (source, position, system_identifier, timeline, epoch, updated_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind_text(source)
        .bind_text(to.position)
        .bind_text(to.system_identifier)
        .bind(to.timeline)
        .bind(lease.epoch.value)
        .bind(microseconds_of(database_now()));
    return cursor->run();
  });
}

}  // namespace penstock::store::sqlite
