// Finds out whether an event that a condition rules out is in the log.
#pragma once

#include <optional>

#include "store/event_store.h"
#include "store/sqlite/connection.h"

namespace penstock::store::sqlite {

// A position beyond condition.after whose event matches one of the items; nullopt when there is none. Each
// item walks over the index that leads to it: its first tag, else its categories, else the positions.
Result<std::optional<Position>> find_match(Connection& connection, const AppendCondition& condition);

}  // namespace penstock::store::sqlite
