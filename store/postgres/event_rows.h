// Rows of the table `events`: the SQL of a page that is bounded in events and bytes, and its rows as
// events. Payloads are not copied: a batch adopts the memory of the query's answer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/event.h"
#include "store/postgres/rows.h"

namespace penstock::store::postgres {

// Columns of a row, in the order of kEventColumns.
enum class EventColumn : std::size_t {
  kPosition,
  kVersion,
  kOccurredAt,
  kRecordedAt,
  kId,
  kStream,
  kCategory,
  kType,
  kContentType,
  kMetadata,
  kData,
  kCount,
};

constexpr std::size_t index_of(EventColumn column) { return static_cast<std::size_t>(column); }

// Rows in the order of `order` up to a number ($limit) and a sum of sizes ($bytes): a row is kept while
// the sum up to it fits, and the first one always.
struct PageSql {
  std::string where, order, limit, bytes;  // `where` speaks of events as e
  std::string from = "@schema@.events e";
  // Adds the highest and the lowest position that fulfil `where`, also of rows that were cut off.
  enum class Extent { kNone, kShown } extent = Extent::kNone;

  std::string sql() const;
};

// Those that `admits`, if it is given. Stubs are left out, and a row that tells only how far was looked.
std::shared_ptr<const EventBatch> batch_of(const Rows& rows, const std::function<bool(const Event&)>& admits = {});

// That events e are of category c.name, behind one position and up to another: asked so, and ordered by category and
// position, that only the index over these two can answer. By `category = ` and `ORDER BY position` the server may
// think a walk over all positions as good, where a category is rare and its statistics say otherwise.
std::string positions_of_category(std::string_view after, std::string_view until);

// The id at position $1, also at the floor, whose row may be gone.
inline constexpr std::string_view kEventIdSql =
    "SELECT e.id FROM @schema@.events e WHERE e.position = $1 UNION ALL"
    " SELECT h.floor_id FROM @schema@.head h WHERE h.id = 1 AND h.floor = $1 AND $1 > 0 LIMIT 1";

// A number of events or bytes as a bigint.
std::int64_t clamp_count(std::size_t count);

}  // namespace penstock::store::postgres
