#include "store/sqlite/sqlite_transfer.h"

#include "store/event_tags.h"
#include "store/load_rules.h"
#include "store/sqlite/database.h"
#include "store/sqlite/sqlite_checkpoints.h"
#include "store/sqlite/sqlite_retention.h"
#include "store/sqlite/sqlite_store.h"

namespace penstock::store::sqlite {
namespace {

struct Head {
  Position position, floor;
  Timestamp recorded_at;
  Filling::Open open;
};

Result<Head> read_head_row(Connection& connection) {
  auto cursor = connection.prepare("SELECT position, recorded_at, importing, floor FROM head");
  if (!cursor) return fail(std::move(cursor.error()));
  if (auto found = cursor->step_to_row_of("head"); !found) return fail(std::move(found.error()));
  return Head{Position{cursor->number(0)}, Position{cursor->number(3)}, timestamp_of(cursor->number(1)),
              cursor->number(2) != 0 ? Filling::Open::kYes : Filling::Open::kNo};
}

Status set_importing(Connection& connection, std::int64_t importing) {
  auto cursor = connection.prepare("UPDATE head SET importing = ?1");
  if (!cursor) return fail(std::move(cursor.error()));
  return cursor->bind(importing).run();
}

// Who drives something here; empty when nobody does.
Result<std::string> find_lease_holder(Connection& connection) {
  auto cursor = connection.prepare(
      "SELECT name || ' is driven by ' || owner FROM leases"
      " WHERE owner <> '' AND expires_at > ?1 ORDER BY name LIMIT 1");
  if (!cursor) return fail(std::move(cursor.error()));
  const auto stepped = cursor->bind(microseconds_of(database_now())).step();
  if (!stepped) return fail(stepped.error());
  return *stepped == Cursor::Step::kRow ? std::string(cursor->text(0)) : std::string();
}

Result<LoadFacts> gather_facts(Connection& connection, std::span<const LogRow> rows, const Head& head) {
  LoadFacts facts{head.position, head.floor, head.recorded_at, {}};
  auto cursor =
      connection.prepare("SELECT category, last_version, scavenged_before, state FROM streams WHERE name = ?1");
  if (!cursor) return fail(std::move(cursor.error()));
  for (const LogRow& row : rows) {
    if (facts.streams.contains(row.event.stream)) continue;
    cursor->again();
    const auto stepped = cursor->bind_text(row.event.stream).step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kRow)
      facts.streams[row.event.stream] = {std::string(cursor->text(0)), Version{cursor->number(1)},
                                         Version{cursor->number(2)}, parse_stream_state(cursor->text(3))};
  }
  return facts;
}

// A stub's other columns are empty, as the migration of retention says.
Status insert_rows(Connection& connection, std::span<const LogRow> rows) {
  auto cursor = connection.prepare(
      "INSERT INTO events (position, stream, category, version, id, type, data, content_type, metadata, occurred_at,"
      " recorded_at, removed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
  if (!cursor) return fail(std::move(cursor.error()));
  auto tag = connection.prepare("INSERT INTO tags (tag, position) VALUES (?1, ?2)");
  if (!tag) return fail(std::move(tag.error()));
  for (const LogRow& row : rows) {
    const Event& event = row.event;
    const bool is_stub = row.is_stub();
    cursor->again();
    cursor->bind(event.position->value)
        .bind_text(event.stream)
        .bind_text(event.category)
        .bind(event.version->value)
        .bind_id(event.id)
        .bind_text(is_stub ? "" : event.type)
        .bind_blob(is_stub ? std::nullopt : event.data)
        .bind_text(is_stub ? "" : event.content_type)
        .bind_text(is_stub ? "" : event.metadata)
        .bind(is_stub ? 0 : microseconds_of(*event.occurred_at))
        .bind(is_stub ? 0 : microseconds_of(*event.recorded_at))
        .bind(is_stub ? std::optional(microseconds_of(*row.removed_at)) : std::nullopt);
    if (auto inserted = cursor->run(); !inserted) return inserted;
    if (is_stub) continue;
    for (const std::string& word : tags_of(event.metadata)) {
      tag->again();
      if (auto tagged = tag->bind_text(word).bind(event.position->value).run(); !tagged) return tagged;
    }
  }
  return {};
}

Status write_streams(Connection& connection, const LoadPlan& plan) {
  auto insert = connection.prepare(
      "INSERT INTO streams (last_version, scavenged_before, name, category) VALUES (?1, ?2, ?3, ?4)");
  if (!insert) return fail(std::move(insert.error()));
  auto update =
      connection.prepare("UPDATE streams SET last_version = ?1, scavenged_before = ?2, state = 'live' WHERE name = ?3");
  if (!update) return fail(std::move(update.error()));
  for (const StreamAfterLoad& stream : plan.streams) {
    const bool is_new = stream.was == StreamAfterLoad::Was::kNew;
    Cursor& cursor = is_new ? *insert : *update;
    cursor.again();
    cursor.bind(stream.last_version.value).bind(stream.scavenged_before.value).bind_text(stream.name);
    if (is_new) cursor.bind_text(stream.category);
    if (auto written = cursor.run(); !written) return written;
  }
  return {};
}

Status write_head(Connection& connection, const LoadPlan& plan, std::size_t rows) {
  std::int64_t new_streams = 0;
  for (const StreamAfterLoad& stream : plan.streams) new_streams += stream.was == StreamAfterLoad::Was::kNew ? 1 : 0;
  auto cursor = connection.prepare(
      "UPDATE head SET position = ?1, streams = streams + ?2, events = events + ?3, recorded_at = ?4");
  if (!cursor) return fail(std::move(cursor.error()));
  cursor->bind(plan.head.value)
      .bind(new_streams)
      .bind(static_cast<std::int64_t>(rows) - plan.stubs)
      .bind(microseconds_of(plan.recorded_at));
  return cursor->run();
}

class SqliteTransfer final : public Transfer {
 public:
  explicit SqliteTransfer(std::string path) : database_(std::move(path)) {}

  Result<std::vector<Stub>> stubs(Position after, Position until) override {
    return database_.read("reading stubs", [&](Connection& connection) -> Result<std::vector<Stub>> {
      auto cursor = connection.prepare(
          "SELECT position, id, stream, category, version, removed_at FROM events"
          " WHERE position > ?1 AND position <= ?2 AND removed_at IS NOT NULL ORDER BY position");
      if (!cursor) return fail(std::move(cursor.error()));
      cursor->bind(after.value).bind(until.value);
      std::vector<Stub> found;
      for (;;) {
        const auto stepped = cursor->step();
        if (!stepped) return fail(stepped.error());
        if (*stepped == Cursor::Step::kDone) return found;
        found.push_back({Position{cursor->number(0)}, cursor->id(1), std::string(cursor->text(2)),
                         std::string(cursor->text(3)), Version{cursor->number(4)}, timestamp_of(cursor->number(5))});
      }
    });
  }

  Result<std::vector<RetainedStream>> retained_streams(std::string_view after, std::size_t limit) override {
    using Found = std::vector<RetainedStream>;
    return database_.read("reading what is kept of streams", [&](Connection& connection) -> Result<Found> {
      auto cursor = connection.prepare(
          "SELECT name, category, gone FROM (SELECT s.*, (SELECT floor FROM head) > 0 AND NOT EXISTS (SELECT 1 FROM"
          " events e WHERE e.stream = s.name) AS gone FROM streams s) WHERE name > ?1 AND (state <> 'live' OR"
          " truncate_before > 0 OR max_count IS NOT NULL OR max_age IS NOT NULL OR gone) ORDER BY name LIMIT ?2");
      if (!cursor) return fail(std::move(cursor.error()));
      cursor->bind_text(after).bind(static_cast<std::int64_t>(limit));
      Found found;
      for (;;) {
        const auto stepped = cursor->step();
        if (!stepped) return fail(stepped.error());
        if (*stepped == Cursor::Step::kDone) return found;
        auto retention = find_retention(connection, cursor->text(0));
        if (!retention) return fail(std::move(retention.error()));
        if (*retention)
          found.push_back({std::string(cursor->text(0)), std::string(cursor->text(1)), std::move(**retention),
                           cursor->number(2) != 0 ? RetainedStream::Rows::kNone : RetainedStream::Rows::kSome});
      }
    });
  }

  Result<std::vector<std::pair<std::string, SourceCheckpoint>>> source_checkpoints() override {
    using Found = std::vector<std::pair<std::string, SourceCheckpoint>>;
    return database_.read("listing checkpoints of sources", [&](Connection& connection) -> Result<Found> {
      auto cursor = connection.prepare(
          "SELECT source, position, system_identifier, timeline FROM source_checkpoints ORDER BY source");
      if (!cursor) return fail(std::move(cursor.error()));
      Found found;
      for (;;) {
        const auto stepped = cursor->step();
        if (!stepped) return fail(stepped.error());
        if (*stepped == Cursor::Step::kDone) return found;
        found.emplace_back(
            std::string(cursor->text(0)),
            SourceCheckpoint{std::string(cursor->text(1)), std::string(cursor->text(2)), cursor->number(3)});
      }
    });
  }

  Result<Filling> filling() override {
    return database_.read("reading the head", [](Connection& connection) -> Result<Filling> {
      const auto head = read_head_row(connection);
      if (!head) return fail(head.error());
      return Filling{head->position, head->open};
    });
  }

  Status begin(Position head) override {
    return database_.write("beginning an import", [&](Connection& connection) -> Status {
      const auto found = read_head_row(connection);
      if (!found) return fail(found.error());
      if (found->position != head) return moved(found->position, head);
      if (found->open == Filling::Open::kYes) return {};
      const auto holder = find_lease_holder(connection);
      if (!holder) return fail(holder.error());
      if (!holder->empty()) return fail(codes::kStoreInUse, *holder);
      return set_importing(connection, 1);
    });
  }

  Status begin_behind(Position floor, const EventId& id) override {
    return database_.write("beginning an import behind a floor", [&](Connection& connection) -> Status {
      auto head = connection.prepare(
          "UPDATE head SET position = ?1, floor = ?1, floor_id = ?2, dropped = ?1 WHERE importing = 1 AND position = "
          "0");
      if (!head) return fail(std::move(head.error()));
      if (auto moved = head->bind(floor.value).bind_id(id).run(); !moved) return moved;
      if (connection.changed_rows() == 0) return fail(codes::kStoreOtherEvents, "the store has events already");
      auto counted = connection.prepare("UPDATE kinds_counted SET position = ?1");
      if (!counted) return fail(std::move(counted.error()));
      return counted->bind(floor.value).run();
    });
  }

  Status load(std::span<const LogRow> rows) override {
    return database_.write("loading events", [&](Connection& connection) -> Status {
      const auto head = read_head_row(connection);
      if (!head) return fail(head.error());
      if (head->open == Filling::Open::kNo)
        return fail(codes::kStoreOtherEvents, "the import was ended by another program");
      const auto facts = gather_facts(connection, rows, *head);
      if (!facts) return fail(facts.error());
      const auto plan = plan_load(rows, *facts);
      if (!plan) return fail(plan.error());
      if (auto inserted = insert_rows(connection, rows); !inserted) return refused(connection, inserted.error());
      if (auto streams = write_streams(connection, *plan); !streams) return streams;
      return write_head(connection, *plan, rows.size());
    });
  }

  Status keep_stream(std::string_view name, std::string_view category, Version last) override {
    return database_.write("keeping a stream", [&](Connection& connection) -> Status {
      auto stream = connection.prepare(
          "INSERT OR IGNORE INTO streams (name, category, last_version, scavenged_before) VALUES (?1, ?2, ?3, ?3 + 1)");
      if (!stream) return fail(std::move(stream.error()));
      if (auto kept = stream->bind_text(name).bind_text(category).bind(last.value).run(); !kept) return kept;
      if (connection.changed_rows() == 0) return {};
      auto head = connection.prepare("UPDATE head SET streams = streams + 1");
      return head ? head->run() : fail(std::move(head.error()));
    });
  }

  Status keep_retention(std::string_view stream, const StreamRetention& retention) override {
    return database_.write("keeping what is read of a stream",
                           [&](Connection& connection) { return write_retention(connection, stream, retention); });
  }

  Status keep_checkpoint(std::string_view route, Position position, const EventId& event) override {
    return database_.write("keeping a checkpoint", [&](Connection& connection) -> Status {
      const auto stored = find_checkpoint(connection, route);
      if (!stored) return fail(stored.error());
      if (*stored && (*stored)->position >= position) return {};
      const auto found = find_event_at(connection, position);
      if (!found) return fail(found.error());
      if (*found != event)
        return fail(codes::kStoreInvalidRequest, "the checkpoint of route \"" + std::string(route) +
                                                     "\" names an event that is not at position " +
                                                     std::to_string(position.value));
      const auto written = write_checkpoint(connection, Lease{}, route, position);
      return written ? Status() : fail(written.error());
    });
  }

  Status keep_source_checkpoint(std::string_view source, const SourceCheckpoint& checkpoint) override {
    return database_.write("keeping a checkpoint of a source", [&](Connection& connection) -> Status {
      auto cursor = connection.prepare(
          "INSERT OR REPLACE INTO source_checkpoints (source, position, system_identifier, timeline, epoch, updated_at)"
          " VALUES (?1, ?2, ?3, ?4, 0, ?5)");
      if (!cursor) return fail(std::move(cursor.error()));
      cursor->bind_text(source).bind_text(checkpoint.position).bind_text(checkpoint.system_identifier);
      return cursor->bind(checkpoint.timeline).bind(microseconds_of(database_now())).run();
    });
  }

  Status finish() override {
    return database_.write("ending an import", [](Connection& connection) { return set_importing(connection, 0); });
  }

 private:
  // Positions and versions follow those that are there, so only an id can stand twice.
  static tl::unexpected<Error> refused(const Connection& connection, const Error& error) {
    const bool is_constraint = &error.code() == &codes::kStoreCorrupt && !connection.is_broken();
    return is_constraint ? fail(codes::kStoreInvalidRequest, "an event id stands twice in its stream") : fail(error);
  }
  static tl::unexpected<Error> moved(Position head, Position expected) {
    return fail(codes::kStoreOtherEvents, "the head was " + std::to_string(expected.value) + " and is " +
                                              std::to_string(head.value) + ": somebody else appends");
  }

  Database database_;
};

}  // namespace

std::unique_ptr<Transfer> make_sqlite_transfer(const StoreSettings& settings) {
  return std::make_unique<SqliteTransfer>(path_of(settings.url));
}

}  // namespace penstock::store::sqlite
