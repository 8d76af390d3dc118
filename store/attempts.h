// What programs had begun on a route when they ended without a word: counted before a step that could end the program,
// so that a row that does is found out. What follows from a count is the relay's (relay/attempt_book.h).
//
// Threads: any. A write is durable when it returns. It sets a count and doesn't raise it, so one whose answer is in
// doubt may be made again. Not fenced by the lease: a former owner that comes back can leave a count that is wrong by
// one, which costs one crash more, or some seconds of care. Errors: those of every call (store/store.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock::store {

struct RouteAttempts {
  std::uint32_t openings = 0;                              // of the route's source, that have had no good end yet
  std::map<std::string, std::uint32_t, std::less<>> rows;  // name of a row → how often it was begun, and not ended
};

struct RowAttempts {
  std::string_view row;  // never empty
  std::uint32_t attempts;
};

class Attempts {
 public:
  virtual ~Attempts() = default;

  // Nothing for a route that is not known.
  virtual Result<RouteAttempts> load(std::string_view route) = 0;
  virtual Status count_openings(std::string_view route, std::uint32_t openings) = 0;
  // Forgets `ended` in the same transaction. No attempts: forgets the row.
  virtual Status count_row(std::string_view route, const RowAttempts& row, std::optional<std::string_view> ended) = 0;
  // Openings and rows.
  virtual Status forget(std::string_view route) = 0;
};

}  // namespace penstock::store
