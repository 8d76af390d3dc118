// Finds out whether an event that a condition rules out is in the log.
#pragma once

#include <optional>
#include <span>
#include <unordered_map>

#include "store/event_store.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

// A position beyond condition.after whose event matches one of the items; nullopt when there is none. Each
// item walks over the index that leads to it: its first tag, else its categories, else the positions.
Result<std::optional<Position>> find_match(Connection& connection, const AppendCondition& condition);

// Conditions judged before the file is locked for writing: what lies below the head is committed and never changes, and
// who appends needn't wait while it is walked over. For the requests of one batch.
class LookAhead {
 public:
  // Looks for the conditions that reach far below the head, in one snapshot.
  Status look(Database& database, std::span<const AppendRequest* const> requests);
  // The same answer as find_match(), under the write lock, where the head is of this incarnation; looks only at what
  // came since.
  Result<std::optional<Position>> judge(Connection& connection, const AppendRequest& request,
                                        std::int64_t incarnation) const;

 private:
  std::int64_t incarnation_ = 0;
  Position until_;  // head of the snapshot
  std::unordered_map<const AppendRequest*, std::optional<Position>> found_;
};

}  // namespace penstock::store::sqlite
