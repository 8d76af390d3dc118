#include "store/sqlite/sqlite_events.h"

#include <algorithm>
#include <limits>

#include "store/sqlite/event_page.h"

namespace penstock::store::sqlite {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

std::string select_events(std::string_view rest) {
  return "SELECT " + std::string(kEventColumns) + " FROM events " + std::string(rest);
}

Result<std::optional<Version>> last_version_of(Connection& connection, std::string_view stream) {
  auto cursor = connection.prepare("SELECT last_version FROM streams WHERE name = ?1");
  if (!cursor) return fail(std::move(cursor.error()));
  const auto stepped = cursor->bind_text(stream).step();
  if (!stepped) return fail(stepped.error());
  if (*stepped == Cursor::Step::kDone) return std::nullopt;
  return Version{cursor->number(0)};
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
  static const std::string kForwards = select_events("WHERE stream = ?1 AND version >= ?2 ORDER BY version"),
                           kBackwards = select_events("WHERE stream = ?1 AND version <= ?2 ORDER BY version DESC");
  return database_.read("reading a stream", [&](Connection& connection) -> Result<StreamPage> {
    StreamPage answer;
    EventPage page(limit);
    // One snapshot for the last version and the events.
    auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
    if (!snapshot) return fail(std::move(snapshot.error()));
    const auto last = last_version_of(connection, stream);
    if (!last) return fail(last.error());
    answer.last_version = *last;
    const bool forwards = direction == Direction::kForward;
    auto cursor = connection.prepare(forwards ? kForwards : kBackwards);
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind_text(stream).bind(from ? from->value : (forwards ? 0 : kLargest));
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
  static const std::string kById = select_events("WHERE id = ?1 ORDER BY position LIMIT 1000");
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

Result<std::vector<StreamSummary>> SqliteEvents::streams(std::string_view after, std::size_t limit) {
  return database_.read("listing streams", [&](Connection& connection) -> Result<std::vector<StreamSummary>> {
    auto cursor =
        connection.prepare("SELECT name, category, last_version FROM streams WHERE name > ?1 ORDER BY name LIMIT ?2");
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind_text(after).bind(static_cast<std::int64_t>(std::min<std::size_t>(limit, kLargest)));
    std::vector<StreamSummary> found;
    for (;;) {
      const auto stepped = cursor->step();
      if (!stepped) return fail(stepped.error());
      if (*stepped == Cursor::Step::kDone) return found;
      found.push_back({std::string(cursor->text(0)), std::string(cursor->text(1)), Version{cursor->number(2)}});
    }
  });
}

Result<StoreCounts> SqliteEvents::counts() {
  return database_.read("counting", [](Connection& connection) -> Result<StoreCounts> {
    auto cursor = connection.prepare("SELECT streams, events FROM head");
    if (!cursor) return fail(std::move(cursor.error()));
    if (const auto stepped = cursor->step(); !stepped) return fail(stepped.error());
    return StoreCounts{static_cast<std::uint64_t>(cursor->number(0)), static_cast<std::uint64_t>(cursor->number(1))};
  });
}

}  // namespace penstock::store::sqlite
