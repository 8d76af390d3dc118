#include "store/postgres/event_encoding.h"

#include "store/postgres/rows.h"

namespace penstock::store::postgres {
namespace {

constexpr std::int16_t kColumns = 11;
constexpr std::string_view kCopyHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);  // signature, flags, extension

void append_number(std::string& out, std::int64_t value) {
  append_int32(out, 8);
  append_int64(out, value);
}

void append_bytes(std::string& out, std::string_view bytes) {
  append_int32(out, static_cast<std::int32_t>(bytes.size()));
  out.append(bytes);
}

std::string_view bytes_of(const EventId& id) {
  return {reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size()};
}

}  // namespace

void encode_copy(std::span<const PlannedEvent> events, Timestamp recorded_at, std::string& out) {
  out.assign(kCopyHeader);
  for (const PlannedEvent& planned : events) {
    const Event& event = *planned.event;
    append_int16(out, kColumns);
    append_number(out, planned.position.value);
    append_number(out, planned.version.value);
    append_number(out, to_postgres_time(event.occurred_at.value_or(recorded_at)));
    append_number(out, to_postgres_time(recorded_at));
    append_bytes(out, bytes_of(event.id));
    append_bytes(out, event.stream);
    append_bytes(out, event.category);
    append_bytes(out, event.type);
    append_bytes(out, event.content_type);
    append_bytes(out, event.metadata);
    if (event.data)
      append_bytes(out, *event.data);
    else
      append_int32(out, -1);
  }
  append_int16(out, -1);
}

void add_event_arrays(std::span<const PlannedEvent> events, Timestamp recorded_at, Parameters& parameters) {
  std::vector<std::int64_t> positions, versions;
  std::vector<EventId> ids;
  std::vector<std::string_view> streams, categories, types, content_types, metadata;
  std::vector<std::optional<std::string_view>> data, times;
  std::string time_bytes;
  time_bytes.reserve(events.size() * 8);  // views into it must stay valid
  for (const PlannedEvent& planned : events) {
    const Event& event = *planned.event;
    positions.push_back(planned.position.value);
    versions.push_back(planned.version.value);
    append_int64(time_bytes, to_postgres_time(event.occurred_at.value_or(recorded_at)));
    times.emplace_back(std::string_view(time_bytes).substr(time_bytes.size() - 8));
    ids.push_back(event.id);
    streams.push_back(event.stream);
    categories.push_back(event.category);
    types.push_back(event.type);
    content_types.push_back(event.content_type);
    metadata.push_back(event.metadata);
    data.push_back(event.data);
  }
  parameters.int8s(positions).int8s(versions);
  parameters.array(SqlType::kTimestamptzArray, SqlType::kTimestamptz, times).timestamptz(recorded_at);
  parameters.uuids(ids).texts(streams).texts(categories).texts(types).texts(content_types).texts(metadata);
  parameters.array(SqlType::kByteaArray, SqlType::kBytea, data);
}

}  // namespace penstock::store::postgres
