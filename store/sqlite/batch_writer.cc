#include "store/sqlite/batch_writer.h"

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

#include "core/failpoint.h"
#include "store/event_tags.h"
#include "store/retention.h"
#include "store/sqlite/match_finder.h"
#include "store/sqlite/schema.h"
#include "store/store_faults.h"

namespace penstock::store::sqlite {
namespace {

struct Head {
  Position position;
  Timestamp recorded_at;
  std::int64_t incarnation;
};

Result<Head> read_head_row(Connection& connection) {
  // A newer program may have migrated the file since this connection was opened.
  const auto schema = connection.read_number("PRAGMA user_version");
  if (!schema) return fail(schema.error());
  if (*schema > newest_schema())
    return fail(codes::kStoreSchemaTooNew,
                "a newer program has migrated the store to schema " + std::to_string(*schema));
  auto cursor = connection.prepare("SELECT position, recorded_at, incarnation, importing FROM head");
  if (!cursor) return fail(std::move(cursor.error()));
  if (auto found = cursor->step_to_row_of("head"); !found) return fail(std::move(found.error()));
  if (cursor->number(3) != 0) return fail(import_unfinished());
  return Head{Position{cursor->number(0)}, timestamp_of(cursor->number(1)), cursor->number(2)};
}

// Last versions of the streams that a batch names, and which of its ids stand in them.
class FactGatherer {
 public:
  FactGatherer(Connection& connection, const LookAhead& ahead, std::int64_t incarnation, AppendFacts& facts)
      : connection_(connection), ahead_(ahead), incarnation_(incarnation), facts_(facts) {}

  Status gather(std::span<const AppendRequest* const> requests) {
    auto streams =
        connection_.prepare("SELECT category, last_version, state, truncate_before FROM streams WHERE name = ?1");
    if (!streams) return fail(std::move(streams.error()));
    auto events = connection_.prepare("SELECT version, position, type, data FROM events WHERE id = ?1 AND stream = ?2");
    if (!events) return fail(std::move(events.error()));
    for (const AppendRequest* request : requests) {
      for (const std::string_view name : request->streams())
        if (auto looked = look_for_stream(*streams, name); !looked) return looked;
      for (const EventRef& event : request->events) {
        if (!facts_.streams.contains(event->stream)) continue;
        if (auto looked = look_for_event(*events, *event, request->known_id); !looked) return looked;
      }
      if (!request->condition) continue;
      const auto violation = ahead_.judge(connection_, *request, incarnation_);
      if (!violation) return fail(violation.error());
      if (*violation) facts_.violations.emplace(request, **violation);
    }
    return {};
  }

 private:
  Status look_for_stream(Cursor& cursor, std::string_view name) {
    if (!looked_at_.insert(name).second) return {};
    cursor.again();
    const auto stepped = cursor.bind_text(name).step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kRow)
      facts_.streams.emplace(name, StoredStream{std::string(cursor.text(0)), Version{cursor.number(1)},
                                                parse_stream_state(cursor.text(2)), Version{cursor.number(3)}});
    return {};
  }

  Status look_for_event(Cursor& cursor, const Event& event, KnownId known_id) {
    cursor.again();
    const auto stepped = cursor.bind_id(event.id).bind_text(event.stream).step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) return {};
    StoredEvent stored{Version{cursor.number(0)}, Position{cursor.number(1)}, {}, {}};
    if (known_id == KnownId::kBytesMustMatch) {
      stored.type = cursor.text(2);
      if (const auto data = cursor.optional_blob(3)) stored.data = std::string(*data);
      facts_.events[{event.id, event.stream}] = std::move(stored);
    } else {
      facts_.events.try_emplace({event.id, event.stream}, std::move(stored));
    }
    return {};
  }

  Connection& connection_;
  const LookAhead& ahead_;
  const std::int64_t incarnation_;
  AppendFacts& facts_;
  std::unordered_set<std::string_view> looked_at_;
};

Status insert_events(Connection& connection, const std::vector<PlannedEvent>& events, std::int64_t recorded_at) {
  auto cursor = connection.prepare(
      "INSERT INTO events (position, stream, category, version, id, type, data, content_type, metadata, occurred_at,"
      " recorded_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
  if (!cursor) return fail(std::move(cursor.error()));
  for (const PlannedEvent& planned : events) {
    const Event& event = *planned.event;
    cursor->again();
    cursor->bind(planned.position.value)
        .bind_text(event.stream)
        .bind_text(event.category)
        .bind(planned.version.value)
        .bind_id(event.id)
        .bind_text(event.type)
        .bind_blob(event.data)
        .bind_text(event.content_type)
        .bind_text(event.metadata)
        .bind(event.occurred_at ? microseconds_of(*event.occurred_at) : recorded_at)
        .bind(recorded_at);
    if (auto inserted = cursor->run(); !inserted) return inserted;
  }
  return {};
}

Status insert_tags(Connection& connection, const std::vector<PlannedEvent>& events) {
  auto cursor = connection.prepare("INSERT INTO tags (tag, position) VALUES (?1, ?2)");
  if (!cursor) return fail(std::move(cursor.error()));
  for (const PlannedEvent& planned : events) {
    for (const std::string& tag : tags_of(planned.event->metadata)) {
      cursor->again();
      cursor->bind_text(tag).bind(planned.position.value);
      if (auto inserted = cursor->run(); !inserted) return inserted;
    }
  }
  return {};
}

Status write_streams(Connection& connection, const std::vector<PlannedStream>& streams) {
  auto insert = connection.prepare("INSERT INTO streams (last_version, name, category) VALUES (?1, ?2, ?3)");
  if (!insert) return fail(std::move(insert.error()));
  auto update = connection.prepare("UPDATE streams SET last_version = ?1, state = 'live' WHERE name = ?2");
  if (!update) return fail(std::move(update.error()));
  for (const PlannedStream& stream : streams) {
    const bool is_new = stream.was == PlannedStream::Was::kNew;
    Cursor& cursor = is_new ? *insert : *update;
    cursor.again();
    cursor.bind(stream.last_version.value).bind_text(stream.name);
    if (is_new) cursor.bind_text(stream.category);
    if (auto written = cursor.run(); !written) return written;
  }
  return {};
}

Status write_head(Connection& connection, const AppendPlan& plan, std::int64_t recorded_at) {
  const auto is_new = [](const PlannedStream& stream) { return stream.was == PlannedStream::Was::kNew; };
  auto cursor = connection.prepare(
      "UPDATE head SET position = ?1, streams = streams + ?2, events = events + ?3, recorded_at = ?4");
  if (!cursor) return fail(std::move(cursor.error()));
  cursor->bind(plan.head.value)
      .bind(static_cast<std::int64_t>(std::count_if(plan.streams.begin(), plan.streams.end(), is_new)))
      .bind(static_cast<std::int64_t>(plan.events.size()))
      .bind(recorded_at);
  return cursor->run();
}

// Whether the batch failed because of what is in it, so that one request may be to blame.
bool is_about_content(const Error& error) {
  return &error.code() == &codes::kStoreCorrupt || &error.code() == &codes::kStoreLimitExceeded;
}

}  // namespace

std::vector<Result<AppendReceipt>> BatchWriter::append_batch(std::span<const AppendRequest* const> requests) {
  auto plan = write(requests);
  if (plan) {
    if (!plan->events.empty()) watch_.appended(plan->head);
    return std::move(plan->answers);
  }
  if (requests.size() > 1 && is_about_content(plan.error())) return append_one_by_one(requests);
  return Answers(requests.size(), fail(plan.error()));
}

// So that only the culprit fails, and what its caller wants held back behind it.
BatchWriter::Answers BatchWriter::append_one_by_one(std::span<const AppendRequest* const> requests) {
  Answers answers;
  std::set<std::string_view> failed_streams;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto streams = requests[i]->streams();
    const bool hold_back = requests[i]->after_failure == AfterFailure::kHoldBack;
    const auto failed = std::find_if(streams.begin(), streams.end(),
                                     [&](std::string_view name) { return failed_streams.contains(name); });
    if (hold_back && failed != streams.end()) {
      answers.push_back(
          fail(codes::kStoreHeldBack, "an earlier append to stream \"" + std::string(*failed) + "\" failed"));
      continue;
    }
    answers.push_back(std::move(append_batch(requests.subspan(i, 1)).front()));
    if (hold_back && !answers.back()) failed_streams.insert(streams.begin(), streams.end());
  }
  return answers;
}

// What callers wait for was decided on another history of the file.
Status BatchWriter::check_incarnation(std::int64_t incarnation) {
  const std::int64_t before = std::exchange(incarnation_, incarnation);
  if (before == 0 || before == incarnation) return {};
  return fail(codes::kStoreFenced, "the store was restored: its incarnation is " + std::to_string(incarnation) +
                                       ", this program opened " + std::to_string(before));
}

Result<AppendPlan> BatchWriter::write(std::span<const AppendRequest* const> requests) {
  LookAhead ahead;
  if (auto looked = ahead.look(database_, requests); !looked) return fail(std::move(looked.error()));
  auto written = database_.write("appending", [&](Connection& connection) -> Result<AppendPlan> {
    const auto head = read_head_row(connection);
    if (!head) return fail(head.error());
    if (auto same = check_incarnation(head->incarnation); !same) return fail(std::move(same.error()));
    AppendFacts facts{.head = head->position};
    if (auto gathered = FactGatherer(connection, ahead, head->incarnation, facts).gather(requests); !gathered)
      return fail(std::move(gathered.error()));
    AppendPlan plan = plan_appends(requests, facts);
    const std::int64_t recorded_at = microseconds_of(std::max(database_now(), head->recorded_at));
    if (auto inserted = insert_events(connection, plan.events, recorded_at); !inserted)
      return fail(std::move(inserted.error()));
    if (auto tags = insert_tags(connection, plan.events); !tags) return fail(std::move(tags.error()));
    if (auto streams = write_streams(connection, plan.streams); !streams) return fail(std::move(streams.error()));
    if (!plan.events.empty()) {
      if (auto moved = write_head(connection, plan, recorded_at); !moved) return fail(std::move(moved.error()));
    }
    pass_failpoint("store.append_before_commit");
    return plan;
  });
  if (written) pass_failpoint("store.append_after_commit");
  return written;
}

}  // namespace penstock::store::sqlite
