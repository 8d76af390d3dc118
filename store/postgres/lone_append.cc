#include "store/postgres/lone_append.h"

#include "store/event_tags.h"
#include "store/postgres/event_encoding.h"
#include "store/postgres/rows.h"

namespace penstock::store::postgres {
namespace {

std::int64_t expected_number(const ExpectedVersion& expected) {
  if (std::holds_alternative<AnyVersion>(expected)) return -2;
  if (std::holds_alternative<NoStream>(expected)) return -1;
  if (std::holds_alternative<StreamExists>(expected)) return -4;
  return std::get<Version>(expected).value;
}

Parameters begun(const AppendRequest& request, std::int64_t incarnation) {
  const Event& first = *request.events.front();
  Parameters parameters;
  parameters.int8(incarnation).text(first.stream).text(first.category).int8(expected_number(request.expected));
  return parameters;
}

LoneAppend without_arrays(const AppendRequest& request, std::int64_t incarnation, const AppendStatements& statements) {
  const Event& event = *request.events.front();
  Parameters parameters = begun(request, incarnation);
  parameters.uuid(event.id).text(event.type).text(event.content_type).text(event.metadata);
  parameters.timestamptz(event.occurred_at).bytea(event.data);
  return {statements.append_single, std::move(parameters)};
}

LoneAppend with_arrays(const AppendRequest& request, std::int64_t incarnation, const AppendStatements& statements) {
  std::vector<EventId> ids;
  std::vector<std::string_view> types, content_types, metadata;
  std::vector<std::optional<std::string_view>> times, data;
  std::vector<std::string> tags;
  std::vector<std::int64_t> tag_events;
  std::string time_bytes;
  time_bytes.reserve(request.events.size() * 8);
  for (const EventRef& event : request.events) {
    ids.push_back(event->id);
    types.push_back(event->type);
    content_types.push_back(event->content_type);
    metadata.push_back(event->metadata);
    data.push_back(event->data);
    for (std::string& tag : tags_of(event->metadata)) {
      tags.push_back(std::move(tag));
      tag_events.push_back(static_cast<std::int64_t>(ids.size()));
    }
    times.emplace_back();
    if (!event->occurred_at) continue;
    append_int64(time_bytes, to_postgres_time(*event->occurred_at));
    times.back() = std::string_view(time_bytes).substr(time_bytes.size() - 8);
  }
  Parameters parameters = begun(request, incarnation);
  parameters.uuids(ids).texts(types).texts(content_types).texts(metadata);
  parameters.array(SqlType::kTimestamptzArray, SqlType::kTimestamptz, times);
  parameters.array(SqlType::kByteaArray, SqlType::kBytea, data);
  parameters.texts(tags).int8s(tag_events);
  return {statements.append_one, std::move(parameters)};
}

}  // namespace

bool is_plain(const AppendRequest& request) {
  return request.events.size() <= kArrayEvents && !request.condition && request.streams().size() == 1;
}

LoneAppend lone_append(const AppendRequest& request, std::int64_t incarnation, const AppendStatements& statements) {
  // A first event is for append_one at once: the other one would hand it on.
  if (request.events.size() > 1 || std::holds_alternative<NoStream>(request.expected) ||
      !tags_of(request.events.front()->metadata).empty())
    return with_arrays(request, incarnation, statements);
  return without_arrays(request, incarnation, statements);
}

}  // namespace penstock::store::postgres
