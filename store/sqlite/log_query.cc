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

std::vector<std::string_view> each_once(const std::vector<std::string>& words) {
  std::vector<std::string_view> sorted(words.begin(), words.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

std::string tail(Order order) {
  return std::string(" ORDER BY position") + (order == Order::kAscending ? "" : " DESC") + " LIMIT ?3";
}

}  // namespace

LogQuery make_log_query(const LogFilter& filter, Order order) {
  const std::string range = " WHERE position BETWEEN ?1 AND ?2";
  const auto categories = each_once(filter.categories), types = each_once(filter.types);
  LogQuery query;
  query.words = categories;
  query.words.insert(query.words.end(), types.begin(), types.end());
  if (query.words.empty()) {
    query.sql = columns_from_events() + range;
  } else if (types.empty() && categories.size() <= kMergedCategories) {
    for (std::size_t i = 0; i < categories.size(); ++i)
      query.sql += (i == 0 ? "" : " UNION ALL ") + columns_from_events() + " INDEXED BY events_category" + range +
                   " AND category = ?" + std::to_string(kFirstWord + i);
  } else {
    query.stretch = kStretch;
    query.sql = columns_from_events() + " NOT INDEXED" + range;
    if (!categories.empty()) query.sql += one_of("category", kFirstWord, categories.size());
    if (!types.empty()) query.sql += one_of("type", kFirstWord + categories.size(), types.size());
  }
  query.sql += tail(order);
  return query;
}

}  // namespace penstock::store::sqlite
