#include "store/postgres/event_reader.h"

#include <algorithm>

#include "store/postgres/event_encoding.h"

namespace penstock::store::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto kReading = 12s;
// How many positions one filtered page looks at, at most: it bounds the time of one statement. A page
// that found nothing there says so, and the caller goes on.
constexpr std::int64_t kStretch = 50'000;

enum Column : std::size_t {
  kPosition,
  kVersion,
  kOccurredAt,
  kRecordedAt,
  kId,
  kStream,
  kCategory,
  kType,
  kContentType,
  kMetadata,
  kData,
  kEventColumnCount,
};

// Rows in the order of `order` up to a number ($limit) and a sum of sizes ($bytes): a row is kept while
// the sum up to it fits, and the first one always. octet_length does not fetch what lies out of line.
struct PageSql {
  std::string where, order, limit, bytes;
  std::string further_columns = "";

  std::string sql() const {
    static const std::string size =
        std::to_string(sizeof(Event)) +
        " + octet_length(e.stream) + octet_length(e.category) + octet_length(e.type) + octet_length(e.content_type)"
        " + octet_length(e.metadata::text) + coalesce(octet_length(e.data), 0)";
    const std::string columns(kEventColumns);
    // The limit stands below the window: one over the whole partition would read all of it.
    return "SELECT " + columns + further_columns + " FROM (SELECT candidate.*, sum(own) OVER (ORDER BY " + order +
           " ROWS UNBOUNDED PRECEDING) AS total" +
           (further_columns.empty() ? "" : ", max(position) OVER () AS highest, min(position) OVER () AS lowest") +
           " FROM (SELECT " + columns + ", " + size + " AS own FROM @schema@.events e WHERE " + where + " ORDER BY " +
           order + " LIMIT " + limit + ") candidate) page WHERE page.total <= " + bytes + " OR page.total = page.own";
  }
};

std::string stream_sql(Direction direction) {
  const bool forward = direction == Direction::kForward;
  return PageSql{std::string("e.stream = $1 AND e.version ") + (forward ? ">=" : "<=") + " $2",
                 forward ? "version" : "version DESC", "$3", "$4"}
      .sql();
}

std::string log_sql(Direction direction) {
  const bool forward = direction == Direction::kForward;
  return PageSql{std::string("e.position ") + (forward ? ">" : "<") + " $1", forward ? "position" : "position DESC",
                 "$2", "$3"}
      .sql();
}

// $1 start, $2 events, $3 bytes, $4 and $5 the lists. The end of the stretch comes from the head as the
// same snapshot sees it, so nothing is passed that was not there to be looked at. One row without an
// event tells the end of a stretch in which nothing passed.
std::string filtered_sql(Direction direction, std::string_view condition) {
  const bool forward = direction == Direction::kForward;
  const std::string stretch = std::to_string(kStretch);
  const std::string end =
      forward ? "least(h.position, $1 + " + stretch + ")" : "greatest(least($1, h.position + 1) - " + stretch + ", 1)";
  const std::string where =
      (forward ? "e.position > $1 AND e.position <= b.stop AND " : "e.position < $1 AND e.position >= b.stop AND ") +
      std::string(condition);
  const PageSql page{where, forward ? "position" : "position DESC", "$2", "$3", ", page.highest, page.lowest"};
  return "SELECT p.*, b.stop FROM (SELECT " + end +
         " AS stop FROM @schema@.head h WHERE h.id = 1) b LEFT JOIN LATERAL (" + page.sql() +
         ") p ON true ORDER BY p.position" + (forward ? "" : " DESC");
}

constexpr std::string_view kConditions[] = {"e.category = ANY ($4)", "e.type = ANY ($4)",
                                            "e.category = ANY ($4) AND e.type = ANY ($5)"};

std::shared_ptr<const EventBatch> batch_of(const Rows& rows, std::size_t count) {
  EventBatchBuilder builder;
  builder.reserve(count);
  builder.adopt(rows.memory());
  for (std::size_t row = 0; row < count; ++row) {
    Event event;
    event.position = Position{rows.integer(row, kPosition)};
    event.version = Version{rows.integer(row, kVersion)};
    event.occurred_at = rows.timestamp(row, kOccurredAt);
    event.recorded_at = rows.timestamp(row, kRecordedAt);
    event.id = rows.uuid(row, kId);
    event.stream = rows.bytes(row, kStream);
    event.category = rows.bytes(row, kCategory);
    event.type = rows.bytes(row, kType);
    event.content_type = rows.bytes(row, kContentType);
    event.metadata = rows.bytes(row, kMetadata);
    if (!rows.is_null(row, kData)) event.data = rows.bytes(row, kData);
    event.key = key_of(event.stream, event.category);
    builder.add(event);
  }
  return std::move(builder).finish();
}

std::shared_ptr<const EventBatch> batch_of(const Rows& rows) { return batch_of(rows, rows.size()); }

std::int64_t clamp_count(std::size_t count) {
  return static_cast<std::int64_t>(std::min<std::size_t>(count, INT64_MAX));
}

}  // namespace

EventReader::EventReader(SessionPool& pool, const Schema& schema)
    : pool_(pool),
      stream_version_{"stream_version", schema.expand("SELECT s.version FROM @schema@.streams s WHERE s.name = $1")},
      stream_forward_{"stream_forward", schema.expand(stream_sql(Direction::kForward))},
      stream_backward_{"stream_backward", schema.expand(stream_sql(Direction::kBackward))},
      find_{"find", schema.expand("SELECT " + std::string(kEventColumns) +
                                  " FROM @schema@.events e WHERE e.id = $1 ORDER BY e.position")},
      streams_{"streams", schema.expand("SELECT s.name, s.category, s.version FROM @schema@.streams s"
                                        " WHERE s.name > $1 ORDER BY s.name LIMIT $2")},
      counts_{"counts", schema.expand("SELECT h.streams, h.position - h.floor FROM @schema@.head h WHERE h.id = 1")},
      head_{"head", schema.expand("SELECT h.position FROM @schema@.head h WHERE h.id = 1")},
      log_forward_{"log_forward", schema.expand(log_sql(Direction::kForward))},
      log_backward_{"log_backward", schema.expand(log_sql(Direction::kBackward))},
      filtered_forward_{{"category_forward", schema.expand(filtered_sql(Direction::kForward, kConditions[0]))},
                        {"type_forward", schema.expand(filtered_sql(Direction::kForward, kConditions[1]))},
                        {"both_forward", schema.expand(filtered_sql(Direction::kForward, kConditions[2]))}},
      filtered_backward_{{"category_backward", schema.expand(filtered_sql(Direction::kBackward, kConditions[0]))},
                         {"type_backward", schema.expand(filtered_sql(Direction::kBackward, kConditions[1]))},
                         {"both_backward", schema.expand(filtered_sql(Direction::kBackward, kConditions[2]))}} {}

Result<StreamPage> EventReader::read_stream(std::string_view stream, std::optional<Version> from, Direction direction,
                                            ReadLimit limit) {
  if (auto fits = check_limit(limit); !fits) return fail(std::move(fits.error()));
  const Deadline deadline = Deadline::in(kReading);
  const bool forward = direction == Direction::kForward;
  const std::int64_t start = from ? from->value : (forward ? 0 : INT64_MAX);
  Parameters name, page_of;
  name.text(stream);
  page_of.text(stream).int8(start).int8(clamp_count(limit.events)).int8(clamp_count(limit.bytes));
  const Call calls[] = {{&stream_version_, &name}, {forward ? &stream_forward_ : &stream_backward_, &page_of}};
  auto answers = pool_.with_session(deadline, [&](Session& session) { return session.run_pipeline(calls, deadline); });
  if (!answers) return fail(std::move(answers.error()));
  const Rows& version = (*answers)[0];
  const Rows& rows = (*answers)[1];
  StreamPage page{batch_of(rows), std::nullopt, std::nullopt};
  if (!version.empty()) page.last_version = Version{version.integer(0, 0)};
  if (rows.empty()) return page;
  const Version end = *page.events->events().back().version;
  // The two statements have a snapshot each: an append may have come between them.
  page.last_version = std::max(page.last_version.value_or(end), std::max(end, *page.events->events().front().version));
  if (forward && end < *page.last_version) page.next = end.next();
  if (!forward && end.value > 0) page.next = Version{end.value - 1};
  return page;
}

Result<std::shared_ptr<const EventBatch>> EventReader::find(const EventId& id) {
  const Deadline deadline = Deadline::in(kReading);
  Parameters parameters;
  parameters.uuid(id);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(find_, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  return batch_of(*rows);
}

Result<std::vector<StreamSummary>> EventReader::streams(std::string_view after, std::size_t limit) {
  const Deadline deadline = Deadline::in(kReading);
  Parameters parameters;
  parameters.text(after).int8(clamp_count(limit));
  auto rows =
      pool_.with_session(deadline, [&](Session& session) { return session.run(streams_, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  std::vector<StreamSummary> found;
  found.reserve(rows->size());
  for (std::size_t row = 0; row < rows->size(); ++row)
    found.push_back(
        {std::string(rows->bytes(row, 0)), std::string(rows->bytes(row, 1)), Version{rows->integer(row, 2)}});
  return found;
}

Result<StoreCounts> EventReader::counts() {
  const Deadline deadline = Deadline::in(kReading);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(counts_, {}, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  return StoreCounts{static_cast<std::uint64_t>(rows->integer(0, 0)), static_cast<std::uint64_t>(rows->integer(0, 1))};
}

Result<Position> EventReader::head() {
  const Deadline deadline = Deadline::in(kReading);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(head_, {}, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  return Position{rows->integer(0, 0)};
}

Result<LogPage> EventReader::read_log(Position start, Direction direction, ReadLimit limit, const LogFilter& filter) {
  if (auto fits = check_limit(limit); !fits) return fail(std::move(fits.error()));
  return filter.admits_all() ? read_unfiltered(start, direction, limit)
                             : read_filtered(start, direction, limit, filter);
}

Result<LogPage> EventReader::read_unfiltered(Position start, Direction direction, ReadLimit limit) {
  const Deadline deadline = Deadline::in(kReading);
  const Statement& statement = direction == Direction::kForward ? log_forward_ : log_backward_;
  Parameters parameters;
  parameters.int8(start.value).int8(clamp_count(limit.events)).int8(clamp_count(limit.bytes));
  auto rows =
      pool_.with_session(deadline, [&](Session& session) { return session.run(statement, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  LogPage page{batch_of(*rows), start};
  if (!page.events->empty()) page.reached = *page.events->events().back().position;
  return page;
}

Result<LogPage> EventReader::read_filtered(Position start, Direction direction, ReadLimit limit,
                                           const LogFilter& filter) {
  const Deadline deadline = Deadline::in(kReading);
  const bool forward = direction == Direction::kForward;
  const std::size_t kind = filter.types.empty() ? 0 : filter.categories.empty() ? 1 : 2;
  Parameters parameters;
  parameters.int8(start.value).int8(clamp_count(limit.events)).int8(clamp_count(limit.bytes));
  if (!filter.categories.empty()) parameters.texts(filter.categories);
  if (!filter.types.empty()) parameters.texts(filter.types);
  const Statement& statement = forward ? filtered_forward_[kind] : filtered_backward_[kind];
  auto rows =
      pool_.with_session(deadline, [&](Session& session) { return session.run(statement, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  if (rows->empty()) return fail(codes::kStoreCorrupt, "the row of head is gone");

  constexpr std::size_t kHighest = kEventColumnCount, kLowest = kHighest + 1, kStop = kLowest + 1;
  const Position stop{rows->integer(0, kStop)};
  const bool nothing_there = forward ? stop <= start : stop >= start;
  if (rows->is_null(0, kPosition)) return LogPage{batch_of(*rows, 0), nothing_there ? start : stop};
  LogPage page{batch_of(*rows), stop};
  // A page that was cut by its number or its bytes reached only its last event.
  const Position last = *page.events->events().back().position;
  const Position furthest{rows->integer(0, forward ? kHighest : kLowest)};
  if (page.events->size() == limit.events || last != furthest) page.reached = last;
  return page;
}

}  // namespace penstock::store::postgres
