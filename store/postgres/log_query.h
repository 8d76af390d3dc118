// The SQL of one page of the log, chosen by what its filter names.
//
// No filter: a walk over positions. Categories only: a walk over the index of these, up to the head. Else a walk over a
// bounded stretch of positions, so that one statement never runs without an end; a tag leads it through the
// index over tags.
#pragma once

#include "store/event_log.h"
#include "store/postgres/schema.h"
#include "store/postgres/session.h"

namespace penstock::store::postgres {

// How many positions one filtered page looks at, at most.
inline constexpr std::int64_t kStretch = 50'000;

struct LogQuery {
  Statement statement;  // its name tells the shape of the filter apart, so that each is prepared once
  Parameters parameters;
};

// Rows of kEventColumns.
LogQuery make_log_query(const Schema& schema, Position start, Direction direction, const ReadLimit& limit);

// The same, and behind them the highest and the lowest position that the filter admits in the stretch,
// the end of the stretch, and the floor. Rows whose metadata can't be taken apart by Postgres are among them
// whatever the filter says of metadata: the caller looks at them. One row without an event stands for a stretch in
// which nothing passed.
LogQuery make_filtered_query(const Schema& schema, Position start, Direction direction, const ReadLimit& limit,
                             const LogFilter& filter);
inline constexpr std::size_t kHighestColumn = 11, kLowestColumn = 12, kStopColumn = 13, kFloorColumn = 14;

}  // namespace penstock::store::postgres
