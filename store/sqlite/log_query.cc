#include "store/sqlite/log_query.h"

#include <algorithm>

#include "store/sqlite/event_page.h"

namespace penstock::store::sqlite {
namespace {

constexpr std::size_t kMergedCategories = 8;
constexpr std::int64_t kStretch = 20'000;
constexpr std::size_t kFirstWord = 4;  // parameter number

std::string columns_from_events() { return "SELECT " + std::string(kEventColumns) + " FROM events"; }

std::string one_of(std::string_view column, std::size_t first_parameter, std::size_t words) {
  std::string text = " AND " + std::string(column) + " IN (";
  for (std::size_t i = 0; i < words; ++i) text += (i == 0 ? "?" : ", ?") + std::to_string(first_parameter + i);
  return text + ")";
}

std::vector<std::string> each_once(std::vector<std::string> sorted) {
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

bool names_categories_only(const LogFilter& filter) {
  return filter.types.empty() && filter.stream_prefix.empty() && filter.tags.empty() && filter.metadata.empty();
}

// The first tag leads: its rows are walked in the order of their positions.
std::string tagged_events(LogQuery& query, const std::vector<std::string>& tags) {
  const auto parameter = [&](const std::string& tag) {
    query.words.push_back(tag);
    return "?" + std::to_string(kFirstWord + query.words.size() - 1);
  };
  std::string sql = "SELECT " + std::string(kEventColumns) +
                    " FROM (SELECT position AS tagged FROM tags WHERE tag = " + parameter(tags.front()) +
                    " AND position BETWEEN ?1 AND ?2) CROSS JOIN events ON position = tagged WHERE true";
  for (std::size_t i = 1; i < tags.size(); ++i)
    sql += " AND EXISTS (SELECT 1 FROM tags t WHERE t.tag = " + parameter(tags[i]) + " AND t.position = tagged)";
  return sql;
}

std::string tail(Order order, std::string_view position) {
  return " ORDER BY " + std::string(position) + (order == Order::kAscending ? "" : " DESC") + " LIMIT ?3";
}

}  // namespace

LogQuery make_log_query(const LogFilter& filter, Order order) {
  const std::string range = " WHERE position BETWEEN ?1 AND ?2";
  const auto categories = each_once(filter.categories), types = each_once(filter.types);
  LogQuery query;
  query.words = categories;
  query.words.insert(query.words.end(), types.begin(), types.end());
  if (filter.admits_all()) {
    query.sql = columns_from_events() + range;
  } else if (names_categories_only(filter) && categories.size() <= kMergedCategories) {
    for (std::size_t i = 0; i < categories.size(); ++i)
      query.sql += (i == 0 ? "" : " UNION ALL ") + columns_from_events() + " INDEXED BY events_category" + range +
                   " AND category = ?" + std::to_string(kFirstWord + i);
  } else {
    query.stretch = kStretch;
    query.sql = columns_from_events() + " NOT INDEXED" + range;
    if (!filter.tags.empty()) query.sql = tagged_events(query, filter.tags);
    if (!categories.empty()) query.sql += one_of("category", kFirstWord, categories.size());
    if (!types.empty()) query.sql += one_of("type", kFirstWord + categories.size(), types.size());
    if (!filter.stream_prefix.empty()) {
      const std::size_t parameter = kFirstWord + query.words.size();
      query.sql += " AND stream BETWEEN ?" + std::to_string(parameter) + " AND ?" + std::to_string(parameter + 1);
      query.words.push_back(filter.stream_prefix);
      query.words.push_back(last_name_with(filter.stream_prefix));
    }
    if (!filter.metadata.empty()) query.admits = LogQuery::Admits::kSomeRows;
  }
  query.sql += filter.tags.empty() ? tail(order, "position") : tail(order, "tagged");
  return query;
}

}  // namespace penstock::store::sqlite
