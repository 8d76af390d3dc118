// The SQL of one page of the log, chosen by its filter.
//
// No filter: a walk over positions. Categories only: one walk a category over its index, merged by
// position, so that a rare category is found without touching the rest. Anything else: a walk over a
// bounded stretch of positions, so that a page never scans without an end. Metadata is no matter of
// SQL here: its functions over JSON write numbers and booleans in a way of their own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/event_log.h"

namespace penstock::store::sqlite {

enum class Order { kAscending, kDescending };

struct LogQuery {
  std::string sql;  // ?1 and ?2: first and last position, both inclusive; ?3: rows at most; then the words
  std::vector<std::string> words;
  // How many positions may be between ?1 and ?2; nullopt: all.
  std::optional<std::int64_t> stretch;
  // Whether rows of the query still have to be shown to the filter.
  enum class Admits { kAllRows, kSomeRows } admits = Admits::kAllRows;
};

LogQuery make_log_query(const LogFilter& filter, Order order);

}  // namespace penstock::store::sqlite
