#include "store/sqlite/sqlite_log.h"

#include <algorithm>

#include "store/sqlite/event_page.h"

namespace penstock::store::sqlite {
namespace {

// One row more than fits is asked for, so that a page knows whether it looked at everything.
std::int64_t rows_of(const ReadLimit& limit) {
  constexpr std::size_t kMost = 1'000'000;
  return static_cast<std::int64_t>(std::min(limit.events, kMost)) + 1;
}

enum class Ended { kAtTheLastRow, kForWantOfRoom };

Result<Ended> fill(EventPage& page, Connection& connection, const LogQuery& query, std::int64_t first,
                   std::int64_t last, const ReadLimit& limit) {
  auto cursor = connection.prepare(query.sql);
  if (!cursor) return fail(std::move(cursor.error()));
  cursor->bind(first).bind(last).bind(rows_of(limit));
  for (const std::string_view word : query.words) cursor->bind_text(word);
  for (;;) {
    const auto stepped = cursor->step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) return Ended::kAtTheLastRow;
    if (page.add(*cursor) == EventPage::Added::kNoRoom) return Ended::kForWantOfRoom;
  }
}

Position last_of(const std::shared_ptr<const EventBatch>& events) { return *events->events().back().position; }

}  // namespace

Result<LogPage> SqliteLog::read_after(Position after, ReadLimit limit, const LogFilter& filter) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  return database_.read("reading the log", [&](Connection& connection) -> Result<LogPage> {
    const LogQuery query = make_log_query(filter, Order::kAscending);
    // One snapshot for the head and the rows below it.
    auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
    if (!snapshot) return fail(std::move(snapshot.error()));
    const auto head = connection.read_number("SELECT position FROM head");
    if (!head) return fail(head.error());
    if (after.value >= *head) return LogPage{EventBatchBuilder().finish(), after};
    const std::int64_t first = std::max<std::int64_t>(after.value, 0) + 1;
    const std::int64_t last = query.stretch ? std::min(*head, first + *query.stretch - 1) : *head;
    EventPage page(limit);
    const auto ended = fill(page, connection, query, first, last, limit);
    if (!ended) return fail(ended.error());
    LogPage answer{std::move(page).finish(), Position{last}};
    if (*ended == Ended::kForWantOfRoom) answer.reached = last_of(answer.events);
    return answer;
  });
}

Result<LogPage> SqliteLog::read_before(Position before, ReadLimit limit, const LogFilter& filter) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  return database_.read("reading the log", [&](Connection& connection) -> Result<LogPage> {
    const LogQuery query = make_log_query(filter, Order::kDescending);
    auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
    if (!snapshot) return fail(std::move(snapshot.error()));
    const auto head = connection.read_number("SELECT position FROM head");
    if (!head) return fail(head.error());
    const std::int64_t last = std::min(*head, std::max<std::int64_t>(before.value, 1) - 1);
    const std::int64_t first = query.stretch ? std::max<std::int64_t>(1, last - *query.stretch + 1) : 1;
    if (last < first) return LogPage{EventBatchBuilder().finish(), before};
    EventPage page(limit);
    const auto ended = fill(page, connection, query, first, last, limit);
    if (!ended) return fail(ended.error());
    LogPage answer{std::move(page).finish(), Position{first}};
    if (*ended == Ended::kForWantOfRoom) answer.reached = last_of(answer.events);
    return answer;
  });
}

}  // namespace penstock::store::sqlite
