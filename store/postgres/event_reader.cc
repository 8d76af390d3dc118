#include "store/postgres/event_reader.h"

#include <algorithm>

#include "store/postgres/event_encoding.h"
#include "store/postgres/event_rows.h"
#include "store/retention.h"

namespace penstock::store::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto kReading = 12s;
// Counting what was never counted goes on over many short statements.
constexpr auto kCounting = 60s;
constexpr std::int64_t kCountedAtOnce = 50'000;

// Of a stream s: the first version that truncation and its limit of the count leave.
constexpr std::string_view kFirstReadable = "greatest(s.truncate_before, coalesce(s.version - s.max_count + 1, 0))";

std::string stream_sql(Direction direction) {
  const bool forward = direction == Direction::kForward;
  // What was recorded before the stream's limit of the age is not read, nor are stubs, whose time is null.
  const std::string readable =
      " AND e.version >= (SELECT " + std::string(kFirstReadable) +
      " FROM @schema@.streams s WHERE s.name = $1) AND e.recorded_at > coalesce((SELECT clock_timestamp() - s.max_age *"
      " interval '1 microsecond' FROM @schema@.streams s WHERE s.name = $1), '-infinity')";
  return PageSql{std::string("e.stream = $1 AND e.version ") + (forward ? ">=" : "<=") + " $2" + readable,
                 forward ? "version" : "version DESC", "$3", "$4"}
      .sql();
}

}  // namespace

EventReader::EventReader(SessionPool& pool, const Schema& schema)
    : pool_(pool),
      stream_{"stream", schema.expand("SELECT s.version, s.state, " + std::string(kFirstReadable) +
                                      " FROM @schema@.streams s WHERE s.name = $1")},
      stream_forward_{"stream_forward", schema.expand(stream_sql(Direction::kForward))},
      stream_backward_{"stream_backward", schema.expand(stream_sql(Direction::kBackward))},
      find_{"find",
            schema.expand("SELECT " + std::string(kEventColumns) +
                          " FROM @schema@.events e WHERE e.id = $1 AND e.removed_at IS NULL ORDER BY e.position")},
      find_in_{"find_in",
               schema.expand("SELECT " + std::string(kEventColumns) +
                             " FROM @schema@.events e WHERE e.id = $1 AND e.stream = $2 AND e.removed_at IS NULL")},
      streams_{"streams",
               schema.expand("SELECT s.name, s.category, s.version, s.state FROM @schema@.streams s"
                             " WHERE s.name > $1 AND s.name >= $2 AND s.name <= $3 ORDER BY s.name LIMIT $4")},
      counts_{"counts", schema.expand("SELECT h.streams, h.position - c.dropped - c.removed, (SELECT count(*)"
                                      " FROM (SELECT FROM @schema@.inbox LIMIT " +
                                      std::to_string(kWaitingCounted) +
                                      ") w)"
                                      " FROM @schema@.head h, @schema@.kinds_counted c WHERE h.id = 1 AND c.id = 1")},
      count_kinds_{"count_kinds", schema.expand("SELECT @schema@.count_kinds($1)")},
      kinds_{"kinds", schema.expand("SELECT k.category, k.type, k.events FROM @schema@.kinds k"
                                    " WHERE k.events > 0 ORDER BY k.category, k.type")} {}

Result<StreamPage> EventReader::read_stream(std::string_view stream, std::optional<Version> from, Direction direction,
                                            ReadLimit limit) {
  if (auto fits = check_limit(limit); !fits) return fail(std::move(fits.error()));
  const Deadline deadline = Deadline::in(kReading);
  const bool forward = direction == Direction::kForward;
  const std::int64_t start = from ? from->value : (forward ? 0 : INT64_MAX);
  Parameters name, page_of;
  name.text(stream);
  page_of.text(stream).int8(start).int8(clamp_count(limit.events)).int8(clamp_count(limit.bytes));
  const Call calls[] = {{&stream_, &name}, {forward ? &stream_forward_ : &stream_backward_, &page_of}};
  auto answers = pool_.with_session(deadline, [&](Session& session) { return session.run_pipeline(calls, deadline); });
  if (!answers) return fail(std::move(answers.error()));
  const Rows& row = (*answers)[0];
  const Rows& rows = (*answers)[1];
  StreamPage page{batch_of(rows), std::nullopt, std::nullopt};
  if (!row.empty()) {
    page.last_version = Version{row.integer(0, 0)};
    page.state = parse_stream_state(row.bytes(0, 1));
  }
  if (page.events->empty()) return page;
  const Version end = *page.events->events().back().version;
  // The two statements have a snapshot each: an append may have come between them.
  page.last_version = std::max(page.last_version.value_or(end), std::max(end, *page.events->events().front().version));
  if (forward && end < *page.last_version) page.next = end.next();
  if (!forward && end.value > (row.empty() ? 0 : row.integer(0, 2))) page.next = Version{end.value - 1};
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

Result<EventRef> EventReader::find_in(std::string_view stream, const EventId& id) {
  const Deadline deadline = Deadline::in(kReading);
  Parameters parameters;
  parameters.uuid(id).text(stream);
  auto rows =
      pool_.with_session(deadline, [&](Session& session) { return session.run(find_in_, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  const auto batch = batch_of(*rows);
  return batch->empty() ? EventRef() : EventBatch::ref(batch, 0);
}

Result<std::vector<StreamSummary>> EventReader::streams(const StreamQuery& query) {
  const Deadline deadline = Deadline::in(kReading);
  Parameters parameters;
  parameters.text(query.after).text(query.prefix).text(last_name_with(query.prefix)).int8(clamp_count(query.limit));
  auto rows =
      pool_.with_session(deadline, [&](Session& session) { return session.run(streams_, parameters, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  std::vector<StreamSummary> found;
  found.reserve(rows->size());
  for (std::size_t row = 0; row < rows->size(); ++row)
    found.push_back({std::string(rows->bytes(row, 0)), std::string(rows->bytes(row, 1)), Version{rows->integer(row, 2)},
                     parse_stream_state(rows->bytes(row, 3))});
  return found;
}

Result<StoreCounts> EventReader::counts() {
  const Deadline deadline = Deadline::in(kReading);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(counts_, {}, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  return StoreCounts{static_cast<std::uint64_t>(rows->integer(0, 0)), static_cast<std::uint64_t>(rows->integer(0, 1)),
                     static_cast<std::uint64_t>(rows->integer(0, 2))};
}

Result<std::vector<KindCount>> EventReader::kinds() {
  const Deadline end = Deadline::in(kCounting);
  Parameters stretch;
  stretch.int8(kCountedAtOnce);
  for (std::int64_t left = 1; left > 0;) {
    if (end.expired())
      return fail(codes::kTimeout, "counting categories and types: " + std::to_string(left) + " events are left");
    const Deadline deadline = Deadline::in(kReading);
    auto counted =
        pool_.with_session(deadline, [&](Session& session) { return session.run(count_kinds_, stretch, deadline); });
    if (!counted) return fail(std::move(counted.error()));
    left = counted->integer(0, 0);
  }
  const Deadline deadline = Deadline::in(kReading);
  auto rows = pool_.with_session(deadline, [&](Session& session) { return session.run(kinds_, {}, deadline); });
  if (!rows) return fail(std::move(rows.error()));
  std::vector<KindCount> kinds;
  kinds.reserve(rows->size());
  for (std::size_t row = 0; row < rows->size(); ++row)
    kinds.push_back({std::string(rows->bytes(row, 0)), std::string(rows->bytes(row, 1)),
                     static_cast<std::uint64_t>(rows->integer(row, 2))});
  return kinds;
}

}  // namespace penstock::store::postgres
