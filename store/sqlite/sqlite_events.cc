#include "store/sqlite/sqlite_events.h"

#include <algorithm>
#include <limits>

#include "store/sqlite/event_page.h"
#include "store/sqlite/sqlite_retention.h"

namespace penstock::store::sqlite {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
// Counting what was never counted goes on over many short transactions.
constexpr std::chrono::seconds kCounting{60};
constexpr std::int64_t kCountedAtOnce = 20'000;

std::string select_events(const std::string& rest) {
  return "SELECT " + std::string(kEventColumns) + " FROM events " + rest;
}

Result<std::int64_t> uncounted_kinds(Connection& connection) {
  return connection.read_number("SELECT (SELECT position FROM head) - (SELECT position FROM kinds_counted)");
}

// Counts the next positions and answers how many are left.
Result<std::int64_t> count_kinds(Connection& connection) {
  const auto counted = connection.read_number("SELECT position FROM kinds_counted");
  if (!counted) return fail(counted.error());
  const auto head = connection.read_number("SELECT position FROM head");
  if (!head) return fail(head.error());
  const std::int64_t until = std::min(*head, *counted + kCountedAtOnce);
  if (until <= *counted) return 0;
  auto add = connection.prepare(
      "INSERT INTO kinds (category, type, events) SELECT category, type, count(*) FROM events"
      " WHERE position BETWEEN ?1 AND ?2 AND removed_at IS NULL GROUP BY category, type"
      " ON CONFLICT (category, type) DO UPDATE SET events = events + excluded.events");
  if (!add) return fail(std::move(add.error()));
  if (auto added = add->bind(*counted + 1).bind(until).run(); !added) return fail(std::move(added.error()));
  auto mark = connection.prepare("UPDATE kinds_counted SET position = ?1");
  if (!mark) return fail(std::move(mark.error()));
  if (auto marked = mark->bind(until).run(); !marked) return fail(std::move(marked.error()));
  return *head - until;
}

}  // namespace

void SqliteEvents::append(AppendRequest request, Deadline deadline, AppendDone done) {
  std::vector<AppendRequest> requests;
  requests.push_back(std::move(request));
  append_many(std::move(requests), deadline,
              [done = std::move(done)](std::size_t, Result<AppendReceipt> answer) { done(std::move(answer)); });
}

void SqliteEvents::append_many(std::vector<AppendRequest> requests, Deadline deadline, AppendQueue::Done done) {
  queue_.push(std::move(requests), deadline, std::move(done));
}

Result<StreamPage> SqliteEvents::read_stream(std::string_view stream, std::optional<Version> from, Direction direction,
                                             ReadLimit limit) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  static const std::string kReadable = " AND removed_at IS NULL AND recorded_at > ?4 ORDER BY version",
                           kForwards = select_events("WHERE stream = ?1 AND version >= max(?2, ?3)" + kReadable),
                           kBackwards =
                               select_events("WHERE stream = ?1 AND version BETWEEN ?3 AND ?2" + kReadable + " DESC");
  return database_.read("reading a stream", [&](Connection& connection) -> Result<StreamPage> {
    StreamPage answer;
    EventPage page(limit);
    // One snapshot for the last version and the events.
    auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
    if (!snapshot) return fail(std::move(snapshot.error()));
    const auto retention = find_retention(connection, stream);
    if (!retention) return fail(retention.error());
    if (!*retention) {
      answer.events = std::move(page).finish();
      return answer;
    }
    answer.last_version = (*retention)->last_version;
    answer.state = (*retention)->state;
    const bool forwards = direction == Direction::kForward;
    auto cursor = connection.prepare(forwards ? kForwards : kBackwards);
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind_text(stream).bind(from ? from->value : (forwards ? 0 : kLargest));
    cursor->bind((*retention)->first_readable().value).bind(oldest_readable((*retention)->limits));
    for (;;) {
      const auto stepped = cursor->step();
      if (!stepped) return fail(stepped.error());
      if (*stepped == Cursor::Step::kDone) break;
      if (page.add(*cursor) == EventPage::Added::kYes) continue;
      answer.next = Version{cursor->number(3)};
      break;
    }
    answer.events = std::move(page).finish();
    return answer;
  });
}

Result<std::shared_ptr<const EventBatch>> SqliteEvents::find(const EventId& id) {
  // An id stands in one stream as a rule; what a caller can make of it is bounded all the same.
  static const std::string kById = select_events("WHERE id = ?1 AND removed_at IS NULL ORDER BY position LIMIT 1000");
  return database_.read("finding an event", [&](Connection& connection) -> Result<std::shared_ptr<const EventBatch>> {
    EventPage page(ReadLimit{.events = 1'000, .bytes = 64 << 20});
    auto cursor = connection.prepare(kById);
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind_id(id);
    for (;;) {
      const auto stepped = cursor->step();
      if (!stepped) return fail(stepped.error());
      if (*stepped == Cursor::Step::kDone || page.add(*cursor) == EventPage::Added::kNoRoom) break;
    }
    return std::move(page).finish();
  });
}

Result<EventRef> SqliteEvents::find_in(std::string_view stream, const EventId& id) {
  static const std::string kByIdAndStream = select_events("WHERE id = ?1 AND stream = ?2 AND removed_at IS NULL");
  return database_.read("finding an event", [&](Connection& connection) -> Result<EventRef> {
    auto cursor = connection.prepare(kByIdAndStream);
    if (!cursor) return fail(std::move(cursor.error()));
    const auto stepped = cursor->bind_id(id).bind_text(stream).step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) return EventRef();
    EventPage page(ReadLimit{.events = 1});
    page.add(*cursor);
    return EventBatch::ref(std::move(page).finish(), 0);
  });
}

Result<std::vector<StreamSummary>> SqliteEvents::streams(const StreamQuery& query) {
  return database_.read("listing streams", [&](Connection& connection) -> Result<std::vector<StreamSummary>> {
    auto cursor = connection.prepare(
        "SELECT name, category, last_version, state FROM streams WHERE name > ?1 AND name BETWEEN ?2 AND ?3 ORDER BY "
        "name"
        " LIMIT ?4");
    if (!cursor) return fail(std::move(cursor.error()));
    const std::string last = last_name_with(query.prefix);
    cursor->bind_text(query.after).bind_text(query.prefix).bind_text(last);
    cursor->bind(static_cast<std::int64_t>(std::min<std::size_t>(query.limit, kLargest)));
    std::vector<StreamSummary> found;
    for (;;) {
      const auto stepped = cursor->step();
      if (!stepped) return fail(stepped.error());
      if (*stepped == Cursor::Step::kDone) return found;
      found.push_back({std::string(cursor->text(0)), std::string(cursor->text(1)), Version{cursor->number(2)},
                       parse_stream_state(cursor->text(3))});
    }
  });
}

Result<StoreCounts> SqliteEvents::counts() {
  return database_.read("counting", [](Connection& connection) -> Result<StoreCounts> {
    auto cursor = connection.prepare("SELECT streams, events FROM head");
    if (!cursor) return fail(std::move(cursor.error()));
    if (auto found = cursor->step_to_row_of("head"); !found) return fail(std::move(found.error()));
    return StoreCounts{static_cast<std::uint64_t>(cursor->number(0)), static_cast<std::uint64_t>(cursor->number(1))};
  });
}

Result<std::vector<KindCount>> SqliteEvents::kinds() {
  const Deadline deadline = Deadline::in(kCounting);
  const auto uncounted = database_.read("counting categories and types", uncounted_kinds);
  if (!uncounted) return fail(uncounted.error());
  for (std::int64_t left = *uncounted; left > 0;) {
    if (deadline.expired())
      return fail(codes::kTimeout, "counting categories and types: " + std::to_string(left) + " events are left");
    const auto counted = database_.write("counting categories and types", count_kinds);
    if (!counted) return fail(counted.error());
    left = *counted;
  }
  return database_.read("listing categories and types", [](Connection& connection) -> Result<std::vector<KindCount>> {
    auto cursor =
        connection.prepare("SELECT category, type, events FROM kinds WHERE events > 0 ORDER BY category, type");
    if (!cursor) return fail(std::move(cursor.error()));
    std::vector<KindCount> kinds;
    for (;;) {
      const auto stepped = cursor->step();
      if (!stepped) return fail(stepped.error());
      if (*stepped == Cursor::Step::kDone) return kinds;
      kinds.push_back(
          {std::string(cursor->text(0)), std::string(cursor->text(1)), static_cast<std::uint64_t>(cursor->number(2))});
    }
  });
}

}  // namespace penstock::store::sqlite
