#include "store/postgres/match_finder.h"

#include <algorithm>

#include "store/postgres/event_rows.h"

namespace penstock::store::postgres {
namespace {

// Of candidates whose metadata is still to be judged.
constexpr std::int64_t kPage = 200;

constexpr std::string_view kColumns = "e.position, e.category, e.type, e.metadata";
constexpr std::string_view kTypes = " AND (cardinality($2) = 0 OR e.type = ANY ($2))";

std::int64_t rows_of(const QueryItem& item) { return item.metadata.empty() ? 1 : kPage; }

std::vector<std::string> each_once(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

}  // namespace

// $1 after, $2 types, $3 rows; then $4 the tag, $5 the others, $6 categories; or $4 categories.
MatchFinder::MatchFinder(const Schema& schema)
    : by_tag_{"match_tag", schema.expand("SELECT " + std::string(kColumns) +
                                         " FROM @schema@.tags t JOIN @schema@.events e ON e.position = t.position"
                                         " WHERE t.tag = $4 AND t.position > $1" +
                                         std::string(kTypes) +
                                         " AND (cardinality($6) = 0 OR e.category = ANY ($6))"
                                         " AND (SELECT count(*) FROM @schema@.tags o WHERE o.position = t.position"
                                         " AND o.tag = ANY ($5)) = cardinality($5) ORDER BY t.position LIMIT $3")},
      by_category_{"match_category",
                   schema.expand("SELECT " + std::string(kColumns) +
                                 " FROM unnest($4) c(name), LATERAL (SELECT e.position, e.category, e.type, e.metadata"
                                 " FROM @schema@.events e WHERE " +
                                 positions_of_category("$1", "9223372036854775807") + std::string(kTypes) +
                                 " ORDER BY e.category, e.position LIMIT $3) e ORDER BY e.position LIMIT $3")},
      by_position_{"match_position",
                   schema.expand("SELECT " + std::string(kColumns) + " FROM @schema@.events e WHERE e.position > $1" +
                                 std::string(kTypes) + " ORDER BY e.position LIMIT $3")} {}

Result<std::optional<Position>> MatchFinder::find(Session& session, const EventQuery& query, Position after,
                                                  Deadline deadline, const std::stop_token& stop) const {
  if (query.items.empty()) return find_item(session, {}, after, deadline, stop);
  for (const QueryItem& item : query.items) {
    auto found = find_item(session, item, after, deadline, stop);
    if (!found || *found) return found;
  }
  return std::optional<Position>();
}

Result<std::optional<Position>> MatchFinder::find_item(Session& session, const QueryItem& item, Position after,
                                                       Deadline deadline, const std::stop_token& stop) const {
  for (;;) {
    const auto rows = next_page(session, item, after, deadline, stop);
    if (!rows) return fail(rows.error());
    for (std::size_t row = 0; row < rows->size(); ++row) {
      Event event;
      event.category = rows->bytes(row, 1);
      event.type = rows->bytes(row, 2);
      event.metadata = rows->bytes(row, 3);
      after = Position{rows->integer(row, 0)};
      if (item.matches(event)) return std::optional(after);
    }
    if (rows->size() < static_cast<std::size_t>(rows_of(item))) return std::optional<Position>();
  }
}

Result<Rows> MatchFinder::next_page(Session& session, const QueryItem& item, Position after, Deadline deadline,
                                    const std::stop_token& stop) const {
  Parameters parameters;
  parameters.int8(after.value).texts(item.types).int8(rows_of(item));
  if (!item.tags.empty()) {
    std::vector<std::string> others = each_once(item.tags);
    std::erase(others, item.tags.front());
    parameters.text(item.tags.front()).texts(others).texts(item.categories);
    return session.run(by_tag_, parameters, deadline, stop);
  }
  if (item.categories.empty()) return session.run(by_position_, parameters, deadline, stop);
  parameters.texts(each_once(item.categories));
  return session.run(by_category_, parameters, deadline, stop);
}

}  // namespace penstock::store::postgres
