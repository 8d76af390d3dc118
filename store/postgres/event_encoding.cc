#include "store/postgres/event_encoding.h"

#include "store/postgres/rows.h"

namespace penstock::store::postgres {
namespace {

constexpr std::int16_t kColumns = 11;
constexpr std::size_t kChunk = 64 << 10;
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

CopyEncoder::CopyEncoder(std::span<const PlannedEvent> events, Timestamp recorded_at, std::string& buffer)
    : events_(events), recorded_at_(to_postgres_time(recorded_at)), buffer_(buffer) {}

std::string_view CopyEncoder::next_chunk() {
  buffer_.clear();
  if (part_ == Part::kDone) return {};
  if (part_ == Part::kHeader) buffer_.append(kCopyHeader);
  part_ = Part::kRows;
  while (!events_.empty() && buffer_.size() < kChunk) {
    append(events_.front());
    events_ = events_.subspan(1);
  }
  if (events_.empty()) {
    append_int16(buffer_, -1);
    part_ = Part::kDone;
  }
  return buffer_;
}

void CopyEncoder::append(const PlannedEvent& planned) {
  const Event& event = *planned.event;
  append_int16(buffer_, kColumns);
  append_number(buffer_, planned.position.value);
  append_number(buffer_, planned.version.value);
  append_number(buffer_, event.occurred_at ? to_postgres_time(*event.occurred_at) : recorded_at_);
  append_number(buffer_, recorded_at_);
  append_bytes(buffer_, bytes_of(event.id));
  append_bytes(buffer_, event.stream);
  append_bytes(buffer_, event.category);
  append_bytes(buffer_, event.type);
  append_bytes(buffer_, event.content_type);
  append_bytes(buffer_, event.metadata);
  if (event.data)
    append_bytes(buffer_, *event.data);
  else
    append_int32(buffer_, -1);
}

std::string_view LoadEncoder::next_chunk() {
  buffer_.clear();
  if (part_ == Part::kDone) return {};
  if (part_ == Part::kHeader) buffer_.append(kCopyHeader);
  part_ = Part::kRows;
  while (!rows_.empty() && buffer_.size() < kChunk) {
    append(rows_.front());
    rows_ = rows_.subspan(1);
  }
  if (rows_.empty()) {
    append_int16(buffer_, -1);
    part_ = Part::kDone;
  }
  return buffer_;
}

void LoadEncoder::append(const LogRow& row) {
  const Event& event = row.event;
  const auto append_time = [this](const std::optional<Timestamp>& time) {
    time ? append_number(buffer_, to_postgres_time(*time)) : append_int32(buffer_, -1);
  };
  const auto append_unless_removed = [&](std::string_view bytes) {
    row.is_stub() ? append_int32(buffer_, -1) : append_bytes(buffer_, bytes);
  };
  append_int16(buffer_, kColumns + 1);
  append_number(buffer_, event.position->value);
  append_number(buffer_, event.version->value);
  append_time(row.is_stub() ? std::nullopt : event.occurred_at);
  append_time(row.is_stub() ? std::nullopt : event.recorded_at);
  append_bytes(buffer_, bytes_of(event.id));
  append_bytes(buffer_, event.stream);
  append_bytes(buffer_, event.category);
  append_unless_removed(event.type);
  append_unless_removed(event.content_type);
  append_unless_removed(event.metadata);
  event.data ? append_unless_removed(*event.data) : append_int32(buffer_, -1);
  append_time(row.removed_at);
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
