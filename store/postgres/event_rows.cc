#include "store/postgres/event_rows.h"

#include <algorithm>

#include "store/postgres/event_encoding.h"

namespace penstock::store::postgres {

std::string PageSql::sql() const {
  // octet_length does not fetch what lies out of line.
  static const std::string size =
      std::to_string(sizeof(Event)) +
      " + octet_length(e.stream) + octet_length(e.category) + coalesce(octet_length(e.type), 0)"
      " + coalesce(octet_length(e.content_type), 0) + coalesce(octet_length(e.metadata::text), 0)"
      " + coalesce(octet_length(e.data), 0)";
  const std::string columns(kEventColumns);
  // The limit stands below the window: one over the whole partition would read all of it.
  return "SELECT " + columns + (extent == Extent::kShown ? ", page.highest, page.lowest" : "") +
         " FROM (SELECT candidate.*, sum(own) OVER (ORDER BY " + order + " ROWS UNBOUNDED PRECEDING) AS total" +
         (extent == Extent::kShown ? ", max(position) OVER () AS highest, min(position) OVER () AS lowest" : "") +
         " FROM (SELECT " + columns + ", " + size + " AS own FROM " + from + " WHERE " + where + " ORDER BY " + order +
         " LIMIT " + limit + ") candidate) page WHERE page.total <= " + bytes + " OR page.total = page.own";
}

std::string positions_of_category(std::string_view after, std::string_view until) {
  return "(e.category, e.position) > (c.name, " + std::string(after) + ") AND (e.category, e.position) <= (c.name, " +
         std::string(until) + ")";
}

std::shared_ptr<const EventBatch> batch_of(const Rows& rows, const std::function<bool(const Event&)>& admits) {
  const auto at = [](EventColumn column) { return index_of(column); };
  EventBatchBuilder builder;
  builder.reserve(rows.size());
  builder.adopt(rows.memory());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (rows.is_null(row, at(EventColumn::kType))) continue;
    Event event;
    event.position = Position{rows.integer(row, at(EventColumn::kPosition))};
    event.version = Version{rows.integer(row, at(EventColumn::kVersion))};
    event.occurred_at = rows.timestamp(row, at(EventColumn::kOccurredAt));
    event.recorded_at = rows.timestamp(row, at(EventColumn::kRecordedAt));
    event.id = rows.uuid(row, at(EventColumn::kId));
    event.stream = rows.bytes(row, at(EventColumn::kStream));
    event.category = rows.bytes(row, at(EventColumn::kCategory));
    event.type = rows.bytes(row, at(EventColumn::kType));
    event.content_type = rows.bytes(row, at(EventColumn::kContentType));
    event.metadata = rows.bytes(row, at(EventColumn::kMetadata));
    if (!rows.is_null(row, at(EventColumn::kData))) event.data = rows.bytes(row, at(EventColumn::kData));
    event.key = key_of(event.stream, event.category);
    if (!admits || admits(event)) builder.add(event);
  }
  return std::move(builder).finish();
}

std::int64_t clamp_count(std::size_t count) {
  return static_cast<std::int64_t>(std::min<std::size_t>(count, INT64_MAX));
}

}  // namespace penstock::store::postgres
