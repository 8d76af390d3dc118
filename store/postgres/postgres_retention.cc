#include "store/postgres/postgres_retention.h"

#include "store/store_faults.h"

namespace penstock::store::postgres {
namespace {

// Longer than the server waits for a lock, so that it is the server who says what was in the way.
constexpr std::chrono::seconds kCall{8}, kScavenging{12};
// Of one stream in one transaction: its lock is held that long.
constexpr std::int64_t kStubsAtOnce = 500;
constexpr std::int64_t kStreamsAtOnce = 100;
constexpr std::int64_t kDroppedAtOnce = 2'000;

// The row of head, unless the store is being filled. Waits for an import that begins just now, and keeps one from
// beginning before the transaction has ended; appends go on.
constexpr std::string_view kOpenHead = "SELECT FROM @schema@.head h WHERE h.id = 1 AND NOT h.importing FOR KEY SHARE";

constexpr std::string_view kColumns = "s.state, s.version, s.truncate_before, s.max_count, s.max_age";

std::optional<StreamRetention> retention_from(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  StreamRetention found;
  found.state = parse_stream_state(rows.bytes(0, 0));
  found.last_version = Version{rows.integer(0, 1)};
  found.truncate_before = Version{rows.integer(0, 2)};
  if (!rows.is_null(0, 3)) found.limits.max_count = static_cast<std::uint64_t>(rows.integer(0, 3));
  if (!rows.is_null(0, 4)) found.limits.max_age = std::chrono::microseconds(rows.integer(0, 4));
  return found;
}

std::optional<std::int64_t> count_of(const StreamLimits& limits) {
  if (!limits.max_count) return std::nullopt;
  return static_cast<std::int64_t>(*limits.max_count);
}

std::optional<std::int64_t> age_of(const StreamLimits& limits) {
  if (!limits.max_age) return std::nullopt;
  return limits.max_age->count();
}

}  // namespace

Parameters retention_row(std::string_view stream, const StreamRetention& retention) {
  Parameters row;
  row.text(stream).text(to_string(retention.state)).int8(retention.truncate_before.value);
  row.int8(count_of(retention.limits)).int8(age_of(retention.limits));
  return row;
}

PostgresRetention::PostgresRetention(SessionPool& pool, const Schema& schema)
    : pool_(pool),
      begin_{"begin", "BEGIN"},
      commit_{"commit", "COMMIT"},
      open_{"open_head", schema.expand(std::string(kOpenHead))},
      find_{"find_retention",
            schema.expand("SELECT " + std::string(kColumns) + " FROM @schema@.streams s WHERE s.name = $1")},
      lock_{"lock_retention", schema.expand("SELECT " + std::string(kColumns) +
                                            " FROM @schema@.streams s WHERE s.name = $1 FOR NO KEY UPDATE")},
      change_{"change_retention", schema.expand(std::string(kWriteRetentionSql))},
      candidates_{"streams_to_scavenge",
                  schema.expand("SELECT s.name FROM @schema@.streams s WHERE s.name > $1 AND (s.truncate_before >"
                                " s.scavenged_before OR s.max_count IS NOT NULL OR s.max_age IS NOT NULL)"
                                " ORDER BY s.name LIMIT $2")},
      scavenge_{"scavenge_stream",
                schema.expand("SELECT @schema@.scavenge_stream($1, $2) FROM (" + std::string(kOpenHead) + ") o")},
      dropped_{"dropped", schema.expand("SELECT h.floor, c.dropped FROM @schema@.head h, @schema@.kinds_counted c"
                                        " WHERE h.id = 1 AND c.id = 1")},
      lock_head_{"lock_head_for_floor", schema.expand("SELECT h.position, h.floor, h.importing FROM @schema@.head h"
                                                      " WHERE h.id = 1 FOR NO KEY UPDATE")},
      behind_{"routes_behind", schema.expand("SELECT c.route, c.position FROM @schema@.checkpoints c"
                                             " WHERE c.position < $1 ORDER BY c.route")},
      raise_{"raise_floor", schema.expand("UPDATE @schema@.head h SET floor = $1, floor_id = e.id"
                                          " FROM @schema@.events e WHERE h.id = 1 AND e.position = $1")},
      drop_{"drop_events",
            schema.expand("SELECT (r.d).events, (r.d).positions_left FROM (SELECT @schema@.drop_events($1) AS d"
                          " FROM (" +
                          std::string(kOpenHead) + ") o OFFSET 0) r")} {}

Result<std::optional<StreamRetention>> PostgresRetention::find(std::string_view stream) {
  const Deadline deadline = Deadline::in(kCall);
  Parameters name;
  name.text(stream);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(find_, name, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  return retention_from(*rows);
}

Status PostgresRetention::remove(std::string_view stream, Removal removal, const ExpectedVersion& expected) {
  return change(stream, [&](const auto& found) { return judge_removal(stream, found, removal, expected); });
}

Status PostgresRetention::truncate(std::string_view stream, Version before) {
  return change(stream, [&](const auto& found) { return judge_truncation(stream, found, before); });
}

Status PostgresRetention::set_limits(std::string_view stream, const StreamLimits& limits) {
  return change(stream, [&](const auto& found) { return judge_limits(stream, found, limits); });
}

Status PostgresRetention::change(std::string_view stream, const Judge& judge) {
  const Deadline deadline = Deadline::in(kCall);
  // Safe to repeat: what is there already is left as it is.
  return pool_.with_session(deadline, [&](Session& session) { return run_change(session, stream, judge, deadline); });
}

Status PostgresRetention::run_change(Session& session, std::string_view stream, const Judge& judge, Deadline deadline) {
  const auto roll_back = [&](Error error) -> Status {
    if (!session.broken() && !session.rollback(deadline)) session.close();
    return fail(std::move(error));
  };
  Parameters name;
  name.text(stream);
  const Call reads[] = {{&begin_, nullptr}, {&open_, nullptr}, {&lock_, &name}};
  auto answers = session.run_pipeline(reads, deadline);
  if (!answers && session.failure().condition == SqlCondition::kLockTimeout)
    return roll_back(Error(codes::kStoreStreamLocked,
                           "stream \"" + std::string(stream) + "\" is locked by another session's transaction"));
  if (!answers) return roll_back(std::move(answers.error()));
  if ((*answers)[1].empty()) return roll_back(import_unfinished());
  const auto after = judge(retention_from((*answers)[2]));
  if (!after) return roll_back(after.error());
  const Parameters row = retention_row(stream, *after);
  const Call writes[] = {{&change_, &row}, {&commit_, nullptr}};
  auto changed = session.run_pipeline(writes, deadline);
  if (changed) return {};
  if (session.broken()) return fail(codes::kStoreInDoubt, changed.error().message());
  return roll_back(std::move(changed.error()));
}

Result<Scavenged> PostgresRetention::scavenge(std::size_t most) {
  const Deadline look = Deadline::in(kCall);
  const auto open = pool_.with_session(look, [&](Session& session) { return session.run(open_, {}, look); });
  if (!open) return fail(open.error());
  if (open->empty()) return fail(import_unfinished());
  Scavenged done;
  std::string after;
  for (;;) {
    const Deadline deadline = Deadline::in(kScavenging);
    Parameters page;
    page.text(after).int8(kStreamsAtOnce);
    auto streams =
        pool_.with_session(deadline, [&](Session& session) { return session.run(candidates_, page, deadline); });
    if (!streams) return fail(std::move(streams.error()));
    for (std::size_t row = 0; row < streams->size(); ++row) {
      Parameters one;
      one.text(streams->bytes(row, 0)).int8(kStubsAtOnce);
      for (std::int64_t gone = kStubsAtOnce; gone == kStubsAtOnce;) {
        if (done.events >= most) {
          done.left = Scavenged::Left::kMore;
          return done;
        }
        const Deadline stubs = Deadline::in(kScavenging);
        auto removed = pool_.with_session(stubs, [&](Session& session) { return session.run(scavenge_, one, stubs); });
        if (!removed) return fail(std::move(removed.error()));
        if (removed->empty()) return fail(import_unfinished());
        gone = removed->integer(0, 0);
        done.events += static_cast<std::uint64_t>(gone);
      }
    }
    if (streams->size() < static_cast<std::size_t>(kStreamsAtOnce)) return done;
    after = std::string(streams->bytes(streams->size() - 1, 0));
  }
}

Result<DroppedRange> PostgresRetention::dropped() {
  const Deadline deadline = Deadline::in(kCall);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(dropped_, {}, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  if (rows->empty()) return fail(row_of_head_gone());
  return DroppedRange{Position{rows->integer(0, 0)}, Position{rows->integer(0, 1)}};
}

Status PostgresRetention::raise_floor(Position floor, std::span<const std::string> past) {
  const Deadline deadline = Deadline::in(kCall);
  // Safe to repeat: a floor that stands there is left.
  return pool_.with_session(deadline, [&](Session& session) { return run_raise(session, floor, past, deadline); });
}

Status PostgresRetention::run_raise(Session& session, Position floor, std::span<const std::string> past,
                                    Deadline deadline) {
  const auto roll_back = [&](Error error) -> Status {
    if (!session.broken() && !session.rollback(deadline)) session.close();
    return fail(std::move(error));
  };
  Parameters wanted;
  wanted.int8(floor.value);
  const Call reads[] = {{&begin_, nullptr}, {&lock_head_, nullptr}, {&behind_, &wanted}};
  auto answers = session.run_pipeline(reads, deadline);
  if (!answers) return roll_back(std::move(answers.error()));
  const Rows &head = (*answers)[1], &routes = (*answers)[2];
  if (head.empty()) return roll_back(row_of_head_gone());
  if (head.boolean(0, 2)) return roll_back(import_unfinished());
  FloorFacts facts{Position{head.integer(0, 0)}, Position{head.integer(0, 1)}, {}};
  for (std::size_t row = 0; row < routes.size(); ++row)
    facts.behind.emplace_back(std::string(routes.bytes(row, 0)), Position{routes.integer(row, 1)});
  const auto step = judge_floor(floor, facts, past);
  if (!step) return roll_back(step.error());
  if (*step == FloorStep::kRaise) {
    const auto raised = session.run(raise_, wanted, deadline);
    if (!raised) return roll_back(raised.error());
    if (raised->affected() == 0) return roll_back(no_event_at(floor));
  }
  auto committed = session.run(commit_, {}, deadline);
  if (committed) return {};
  if (session.broken()) return fail(codes::kStoreInDoubt, committed.error().message());
  return roll_back(std::move(committed.error()));
}

Result<Scavenged> PostgresRetention::drop(std::size_t most) {
  Scavenged done;
  Parameters positions;
  positions.int8(kDroppedAtOnce);
  for (std::size_t passed = 0;; passed += kDroppedAtOnce) {
    if (passed >= most) {
      done.left = Scavenged::Left::kMore;
      return done;
    }
    const Deadline deadline = Deadline::in(kScavenging);
    auto gone = pool_.with_session(deadline, [&](Session& session) { return session.run(drop_, positions, deadline); });
    if (!gone) return fail(std::move(gone.error()));
    if (gone->empty()) return fail(import_unfinished());
    done.events += static_cast<std::uint64_t>(gone->integer(0, 0));
    if (gone->integer(0, 1) == 0) return done;
  }
}

}  // namespace penstock::store::postgres
