#include "store/sqlite/match_finder.h"

#include <algorithm>

namespace penstock::store::sqlite {
namespace {

// Positions that are looked at under the write lock without a look ahead.
constexpr std::int64_t kNear = 1'000;

std::string candidates_sql(const QueryItem& item) {
  std::string sql = "SELECT e.position, e.category, e.type, e.metadata FROM ";
  if (!item.tags.empty())
    return sql + "tags t CROSS JOIN events e ON e.position = t.position WHERE t.position > ?1 AND t.tag = ?2";
  if (item.categories.empty()) return sql + "events e NOT INDEXED WHERE e.position > ?1";
  sql += "events e INDEXED BY events_category WHERE e.position > ?1 AND e.category IN (";
  for (std::size_t i = 0; i < item.categories.size(); ++i) sql += (i == 0 ? "?" : ", ?") + std::to_string(i + 2);
  return sql + ")";
}

Result<std::optional<Position>> find_item(Connection& connection, const QueryItem& item, Position after) {
  auto cursor = connection.prepare(candidates_sql(item));
  if (!cursor) return fail(std::move(cursor.error()));
  cursor->bind(after.value);
  if (!item.tags.empty()) {
    cursor->bind_text(item.tags.front());
  } else {
    for (const std::string& category : item.categories) cursor->bind_text(category);
  }
  for (;;) {
    const auto stepped = cursor->step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) return std::optional<Position>();
    Event event;
    event.category = cursor->text(1);
    event.type = cursor->text(2);
    event.metadata = cursor->text(3);
    if (item.matches(event)) return std::optional(Position{cursor->number(0)});
  }
}

}  // namespace

Result<std::optional<Position>> find_match(Connection& connection, const AppendCondition& condition) {
  if (condition.query.items.empty()) return find_item(connection, {}, condition.after);
  for (const QueryItem& item : condition.query.items) {
    auto found = find_item(connection, item, condition.after);
    if (!found || *found) return found;
  }
  return std::optional<Position>();
}

Status LookAhead::look(Database& database, std::span<const AppendRequest* const> requests) {
  const auto is_conditional = [](const AppendRequest* request) { return request->condition.has_value(); };
  if (std::ranges::none_of(requests, is_conditional)) return {};
  return database.read("judging conditions", [&](Connection& connection) -> Status {
    auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
    if (!snapshot) return fail(std::move(snapshot.error()));
    auto head = connection.prepare("SELECT position, incarnation FROM head");
    if (!head) return fail(std::move(head.error()));
    if (auto found = head->step_to_row_of("head"); !found) return fail(std::move(found.error()));
    until_ = Position{head->number(0)};
    incarnation_ = head->number(1);
    for (const AppendRequest* request : requests) {
      if (!request->condition || until_.value - request->condition->after.value <= kNear) continue;
      const auto found = find_match(connection, *request->condition);
      if (!found) return fail(found.error());
      found_.emplace(request, *found);
    }
    return {};
  });
}

Result<std::optional<Position>> LookAhead::judge(Connection& connection, const AppendRequest& request,
                                                 std::int64_t incarnation) const {
  const auto ahead = found_.find(&request);
  if (ahead == found_.end() || incarnation != incarnation_) return find_match(connection, *request.condition);
  if (ahead->second) return ahead->second;
  return find_match(connection, {request.condition->query, until_});
}

}  // namespace penstock::store::sqlite
