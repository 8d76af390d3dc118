#include "store/sqlite/sqlite_retention.h"

#include "store/event_tags.h"
#include "store/sqlite/importing.h"

namespace penstock::store::sqlite {
namespace {

// Of one stream in one transaction.
constexpr std::int64_t kStubsAtOnce = 500;
constexpr std::int64_t kStreamsAtOnce = 100;
constexpr std::int64_t kDroppedAtOnce = 1'000;

std::optional<std::int64_t> count_of(const StreamLimits& limits) {
  if (!limits.max_count) return std::nullopt;
  return static_cast<std::int64_t>(*limits.max_count);
}

std::optional<std::int64_t> age_of(const StreamLimits& limits) {
  if (!limits.max_age) return std::nullopt;
  return limits.max_age->count();
}

struct Doomed {
  std::int64_t position;
  std::string category, type;
  std::vector<std::string> tags;
};

template <typename Bind>
Result<std::vector<Doomed>> doomed_in(Connection& connection, std::string_view sql, Bind bind) {
  auto cursor = connection.prepare(sql);
  if (!cursor) return fail(std::move(cursor.error()));
  bind(*cursor);
  std::vector<Doomed> doomed;
  for (;;) {
    const auto stepped = cursor->step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) return doomed;
    doomed.push_back(
        {cursor->number(0), std::string(cursor->text(1)), std::string(cursor->text(2)), tags_of(cursor->text(3))});
  }
}

Result<std::vector<Doomed>> find_doomed(Connection& connection, std::string_view stream,
                                        const StreamRetention& retention, std::int64_t scavenged_before) {
  return doomed_in(connection,
                   "SELECT position, category, type, metadata FROM events WHERE stream = ?1 AND version >= ?2"
                   " AND version < ?3 AND (version < ?4 OR recorded_at <= ?5) AND removed_at IS NULL",
                   [&](Cursor& cursor) {
                     cursor.bind_text(stream).bind(scavenged_before).bind(scavenged_before + kStubsAtOnce);
                     cursor.bind(retention.first_readable().value).bind(oldest_readable(retention.limits));
                   });
}

// What leads to these events, and counts them.
Status forget(Connection& connection, const std::vector<Doomed>& doomed) {
  auto tag = connection.prepare("DELETE FROM tags WHERE tag = ?1 AND position = ?2");
  if (!tag) return fail(std::move(tag.error()));
  auto kind = connection.prepare(
      "UPDATE kinds SET events = events - 1 WHERE category = ?1 AND type = ?2"
      " AND ?3 <= (SELECT position FROM kinds_counted)");
  if (!kind) return fail(std::move(kind.error()));
  for (const Doomed& event : doomed) {
    kind->again();
    if (auto taken = kind->bind_text(event.category).bind_text(event.type).bind(event.position).run(); !taken)
      return taken;
    for (const std::string& word : event.tags) {
      tag->again();
      if (auto gone = tag->bind_text(word).bind(event.position).run(); !gone) return gone;
    }
  }
  auto count = connection.prepare("UPDATE head SET events = events - ?1");
  if (!count) return fail(std::move(count.error()));
  return count->bind(static_cast<std::int64_t>(doomed.size())).run();
}

Status make_stubs(Connection& connection, const std::vector<Doomed>& doomed) {
  auto stub = connection.prepare(
      "UPDATE events SET type = '', data = NULL, content_type = '', metadata = '', occurred_at = 0, recorded_at = 0,"
      " removed_at = ?1 WHERE position = ?2");
  if (!stub) return fail(std::move(stub.error()));
  const std::int64_t now = microseconds_of(database_now());
  for (const Doomed& event : doomed) {
    stub->again();
    if (auto made = stub->bind(now).bind(event.position).run(); !made) return made;
  }
  return forget(connection, doomed);
}

// Where scavenging of a stream goes on: versions that were dropped are passed over.
Result<std::int64_t> first_to_scavenge(Connection& connection, std::string_view stream) {
  auto cursor = connection.prepare(
      "SELECT coalesce((SELECT version FROM events WHERE stream = ?1 AND version >= s.scavenged_before"
      " ORDER BY version LIMIT 1), s.last_version + 1), s.scavenged_before FROM streams s WHERE s.name = ?1");
  if (!cursor) return fail(std::move(cursor.error()));
  if (const auto stepped = cursor->bind_text(stream).step(); !stepped) return fail(stepped.error());
  const std::int64_t first = cursor->number(0);
  if (first == cursor->number(1)) return first;
  auto mark = connection.prepare("UPDATE streams SET scavenged_before = ?1 WHERE name = ?2");
  if (!mark) return fail(std::move(mark.error()));
  if (auto marked = mark->bind(first).bind_text(stream).run(); !marked) return fail(std::move(marked.error()));
  return first;
}

Result<std::int64_t> scavenge_stream(Connection& connection, std::string_view stream) {
  if (auto open = refuse_while_importing(connection); !open) return fail(std::move(open.error()));
  const auto retention = find_retention(connection, stream);
  if (!retention) return fail(retention.error());
  if (!*retention) return 0;
  const auto first = first_to_scavenge(connection, stream);
  if (!first) return fail(first.error());
  const auto doomed = find_doomed(connection, stream, **retention, *first);
  if (!doomed) return fail(doomed.error());
  const auto gone = static_cast<std::int64_t>(doomed->size());
  if (gone == 0) return 0;
  if (auto made = make_stubs(connection, *doomed); !made) return fail(std::move(made.error()));
  auto mark = connection.prepare("UPDATE streams SET scavenged_before = ?1 WHERE name = ?2");
  if (!mark) return fail(std::move(mark.error()));
  if (auto marked = mark->bind(*first + gone).bind_text(stream).run(); !marked) return fail(std::move(marked.error()));
  return gone;
}

// Answers how many positions are left.
Result<std::int64_t> drop_next(Connection& connection, std::uint64_t& events) {
  if (auto open = refuse_while_importing(connection); !open) return fail(std::move(open.error()));
  const auto dropped = connection.read_number("SELECT dropped FROM head");
  if (!dropped) return fail(dropped.error());
  const auto floor = connection.read_number("SELECT floor FROM head");
  if (!floor) return fail(floor.error());
  const std::int64_t until = std::min(*floor, *dropped + kDroppedAtOnce);
  if (until <= *dropped) return 0;
  const auto doomed = doomed_in(connection,
                                "SELECT position, category, type, metadata FROM events"
                                " WHERE position > ?1 AND position <= ?2 AND removed_at IS NULL",
                                [&](Cursor& cursor) { cursor.bind(*dropped).bind(until); });
  if (!doomed) return fail(doomed.error());
  if (auto forgotten = forget(connection, *doomed); !forgotten) return fail(std::move(forgotten.error()));
  auto rows = connection.prepare("DELETE FROM events WHERE position > ?1 AND position <= ?2");
  if (!rows) return fail(std::move(rows.error()));
  if (auto gone = rows->bind(*dropped).bind(until).run(); !gone) return fail(std::move(gone.error()));
  auto mark = connection.prepare("UPDATE head SET dropped = ?1");
  if (!mark) return fail(std::move(mark.error()));
  if (auto marked = mark->bind(until).run(); !marked) return fail(std::move(marked.error()));
  events = doomed->size();
  return *floor - until;
}

Result<FloorFacts> floor_facts(Connection& connection, Position floor) {
  if (auto open = refuse_while_importing(connection); !open) return fail(std::move(open.error()));
  auto head = connection.prepare("SELECT position, floor FROM head");
  if (!head) return fail(std::move(head.error()));
  if (auto found = head->step_to_row_of("head"); !found) return fail(std::move(found.error()));
  FloorFacts facts{Position{head->number(0)}, Position{head->number(1)}, {}};
  auto routes = connection.prepare("SELECT route, position FROM checkpoints WHERE position < ?1 ORDER BY route");
  if (!routes) return fail(std::move(routes.error()));
  routes->bind(floor.value);
  for (;;) {
    const auto stepped = routes->step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) return facts;
    facts.behind.emplace_back(std::string(routes->text(0)), Position{routes->number(1)});
  }
}

Result<std::vector<std::string>> streams_to_scavenge(Connection& connection, std::string_view after) {
  if (auto open = refuse_while_importing(connection); !open) return fail(std::move(open.error()));
  auto cursor = connection.prepare(
      "SELECT name FROM streams WHERE name > ?1 AND (truncate_before > scavenged_before OR max_count IS NOT NULL"
      " OR max_age IS NOT NULL) ORDER BY name LIMIT ?2");
  if (!cursor) return fail(std::move(cursor.error()));
  cursor->bind_text(after).bind(kStreamsAtOnce);
  std::vector<std::string> names;
  for (;;) {
    const auto stepped = cursor->step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) return names;
    names.emplace_back(cursor->text(0));
  }
}

}  // namespace

Result<std::optional<StreamRetention>> find_retention(Connection& connection, std::string_view stream) {
  auto cursor = connection.prepare(
      "SELECT state, last_version, truncate_before, max_count, max_age FROM streams WHERE name = ?1");
  if (!cursor) return fail(std::move(cursor.error()));
  const auto stepped = cursor->bind_text(stream).step();
  if (!stepped) return fail(stepped.error());
  if (*stepped == Cursor::Step::kDone) return std::nullopt;
  StreamRetention found;
  found.state = parse_stream_state(cursor->text(0));
  found.last_version = Version{cursor->number(1)};
  found.truncate_before = Version{cursor->number(2)};
  if (!cursor->is_null(3)) found.limits.max_count = static_cast<std::uint64_t>(cursor->number(3));
  if (!cursor->is_null(4)) found.limits.max_age = std::chrono::microseconds(cursor->number(4));
  return found;
}

Status write_retention(Connection& connection, std::string_view stream, const StreamRetention& retention) {
  auto cursor = connection.prepare(
      "UPDATE streams SET state = ?1, truncate_before = ?2, max_count = ?3, max_age = ?4 WHERE name = ?5");
  if (!cursor) return fail(std::move(cursor.error()));
  cursor->bind_text(to_string(retention.state)).bind(retention.truncate_before.value);
  return cursor->bind(count_of(retention.limits)).bind(age_of(retention.limits)).bind_text(stream).run();
}

std::int64_t oldest_readable(const StreamLimits& limits) {
  return limits.max_age ? microseconds_of(database_now()) - limits.max_age->count() : 0;
}

Result<std::optional<StreamRetention>> SqliteRetention::find(std::string_view stream) {
  return database_.read("reading what is kept of a stream",
                        [&](Connection& connection) { return find_retention(connection, stream); });
}

Status SqliteRetention::remove(std::string_view stream, Removal removal, const ExpectedVersion& expected) {
  return change(stream, [&](const auto& found) { return judge_removal(stream, found, removal, expected); });
}

Status SqliteRetention::truncate(std::string_view stream, Version before) {
  return change(stream, [&](const auto& found) { return judge_truncation(stream, found, before); });
}

Status SqliteRetention::set_limits(std::string_view stream, const StreamLimits& limits) {
  return change(stream, [&](const auto& found) { return judge_limits(stream, found, limits); });
}

Status SqliteRetention::change(std::string_view stream, const Judge& judge) {
  return database_.write("changing what is kept of a stream", [&](Connection& connection) -> Status {
    if (auto open = refuse_while_importing(connection); !open) return open;
    const auto found = find_retention(connection, stream);
    if (!found) return fail(found.error());
    const auto after = judge(*found);
    return after ? write_retention(connection, stream, *after) : fail(after.error());
  });
}

Result<Scavenged> SqliteRetention::scavenge(std::size_t most) {
  Scavenged done;
  std::string after;
  for (;;) {
    const auto streams = database_.read("looking for events to scavenge",
                                        [&](Connection& connection) { return streams_to_scavenge(connection, after); });
    if (!streams) return fail(streams.error());
    for (const std::string& stream : *streams) {
      for (std::int64_t gone = kStubsAtOnce; gone == kStubsAtOnce;) {
        if (done.events >= most) {
          done.left = Scavenged::Left::kMore;
          return done;
        }
        const auto removed =
            database_.write("scavenging", [&](Connection& connection) { return scavenge_stream(connection, stream); });
        if (!removed) return fail(removed.error());
        gone = *removed;
        done.events += static_cast<std::uint64_t>(gone);
      }
    }
    if (streams->size() < static_cast<std::size_t>(kStreamsAtOnce)) return done;
    after = streams->back();
  }
}

Result<DroppedRange> SqliteRetention::dropped() {
  return database_.read("reading the floor", [](Connection& connection) -> Result<DroppedRange> {
    auto cursor = connection.prepare("SELECT floor, dropped FROM head");
    if (!cursor) return fail(std::move(cursor.error()));
    if (auto found = cursor->step_to_row_of("head"); !found) return fail(std::move(found.error()));
    return DroppedRange{Position{cursor->number(0)}, Position{cursor->number(1)}};
  });
}

Status SqliteRetention::raise_floor(Position floor, std::span<const std::string> past) {
  return database_.write("raising the floor", [&](Connection& connection) -> Status {
    const auto facts = floor_facts(connection, floor);
    if (!facts) return fail(facts.error());
    const auto step = judge_floor(floor, *facts, past);
    if (!step) return fail(step.error());
    if (*step == FloorStep::kStandsThere) return {};
    auto cursor =
        connection.prepare("UPDATE head SET floor = ?1, floor_id = (SELECT id FROM events WHERE position = ?1)");
    if (!cursor) return fail(std::move(cursor.error()));
    return cursor->bind(floor.value).run();
  });
}

Result<Scavenged> SqliteRetention::drop(std::size_t most) {
  Scavenged done;
  for (std::size_t passed = 0;; passed += kDroppedAtOnce) {
    if (passed >= most) {
      done.left = Scavenged::Left::kMore;
      return done;
    }
    std::uint64_t events = 0;
    const auto left =
        database_.write("dropping events", [&](Connection& connection) { return drop_next(connection, events); });
    if (!left) return fail(left.error());
    done.events += events;
    if (*left == 0) return done;
  }
}

}  // namespace penstock::store::sqlite
