#include "store/archive/line_writer.h"

#include "core/json_slices.h"
#include "core/json_text.h"
#include "store/archive/words.h"

namespace penstock::store::archive {
namespace {

// Builds one object; what is given as JSON is taken as it is.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }

  Object& text(std::string_view name, std::string_view value) {
    append_json_string(member(name), value);
    return *this;
  }
  Object& number(std::string_view name, std::int64_t value) { return json(name, std::to_string(value)); }
  Object& position(std::string_view name, Position value) { return text(name, std::to_string(value.value)); }
  Object& id(std::string_view name, const EventId& value) { return text(name, value.to_string()); }
  Object& time(std::string_view name, Timestamp value) { return text(name, time_text(value)); }
  Object& json(std::string_view name, std::string_view value) {
    member(name) += value;
    return *this;
  }
  // Text that may hold what no JSON string can: then as base64, under the name with this ending.
  Object& any_text(std::string_view name, std::string_view value) {
    return is_utf8_text(value) ? text(name, value) : base64(std::string(name) + std::string(kBase64), value);
  }
  // JSON if it is some, on one line and no word that would be read as something else.
  Object& bytes(std::string_view name, std::string_view value, bool is_json) {
    if (is_json && value != "null" && is_json_on_one_line(value)) return json(name, value);
    return base64(std::string(name) + std::string(kBase64), value);
  }
  void end() { out_ += '}'; }

 private:
  std::string& member(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    append_json_string(out_, name);
    return out_ += ':';
  }
  Object& base64(const std::string& name, std::string_view value) {
    append_base64(member(name) += '"', value);
    out_ += '"';
    return *this;
  }

  std::string& out_;
};

void add_header(Object& object, const Header& header) {
  object.number("format", header.format).text("program", header.program);
  object.text("system_identifier", header.identity.system_identifier).number("timeline", header.identity.timeline);
  object.number("incarnation", header.identity.incarnation);
  object.position("after", header.after).id("after_id", header.after_id);
  if (header.floor > Position{0}) object.position("floor", header.floor);
  object.time("exported_at", header.exported_at);
}

void add_stream(Object& object, const StreamEntry& stream) {
  object.text("name", stream.name).text("state", to_string(stream.state));
  object.number("truncate_before", stream.truncate_before.value);
  if (stream.limits.max_count) object.number("max_count", static_cast<std::int64_t>(*stream.limits.max_count));
  if (stream.limits.max_age) object.number("max_age_us", stream.limits.max_age->count());
  if (!stream.without_rows) return;
  object.text("category", stream.without_rows->category);
  object.number("last_version", stream.without_rows->last_version.value);
}

void add_parked(Object& object, const ParkedEvent& parked) {
  object.text("as", parked.as == ParkedAs::kSkipped ? kSkipped : kParkedWord);
  object.text("route", parked.route).text("source", parked.source).any_text("source_key", parked.source_key);
  if (parked.event_id) object.id("event_id", *parked.event_id);
  if (parked.key) object.any_text("key", *parked.key);
  if (parked.position) object.position("position", *parked.position);
  object.text("code", parked.code).any_text("reason", parked.reason);
  object.text("kept", parked.kept == ParkedEvent::Kept::kByReference ? kByReference : kWhole);
  object.bytes("content", parked.content, true);
}

void add_gap(Object& object, const GapRecord& gap) {
  object.text("kind", to_string(gap.of))
      .text("route", gap.route)
      .text("reason", gap.reason)
      .position("from", gap.from)
      .position("to", gap.to);
  std::string ids = "[";
  for (const EventId& id : gap.events) {
    if (ids.size() > 1) ids += ',';
    append_json_string(ids, id.to_string());
  }
  object.json("events", ids + "]").text("acknowledged_by", gap.acknowledged_by);
}

// Name and content of an entry that is no row.
struct Describe {
  Object& object;
  std::string_view operator()(const LogRow&) { return {}; }
  std::string_view operator()(const Header& header) { return add_header(object, header), kHeader; }
  std::string_view operator()(const StreamEntry& stream) { return add_stream(object, stream), kStream; }
  std::string_view operator()(const CheckpointEntry& checkpoint) {
    object.text("route", checkpoint.route).position("position", checkpoint.position);
    object.id("event_id", checkpoint.event_id);
    return kCheckpoint;
  }
  std::string_view operator()(const SourceCheckpointEntry& entry) {
    object.text("source", entry.source).any_text("position", entry.checkpoint.position);
    object.text("system_identifier", entry.checkpoint.system_identifier).number("timeline", entry.checkpoint.timeline);
    return kSourceCheckpoint;
  }
  std::string_view operator()(const ParkedEvent& parked) { return add_parked(object, parked), kParked; }
  std::string_view operator()(const GapRecord& gap) { return add_gap(object, gap), kGap; }
  std::string_view operator()(const End& end) {
    object.position("rows", Position{static_cast<std::int64_t>(end.rows)}).position("head", end.head);
    object.id("head_id", end.head_id).text("sha256", end.sha256);
    return kEnd;
  }
};

void add_data(Object& object, const Event& event) {
  if (event.data) object.bytes(kData, *event.data, is_json_content(event.content_type));
}

// The one JSON form of an event, but for bytes that it would change.
void append_json_line(std::string& out, const LogRow& row) {
  const Event& event = row.event;
  Object object(out);
  object.position("position", *event.position).id("id", event.id).text("stream", event.stream);
  object.text("category", event.category).number("version", event.version->value);
  if (row.is_stub()) {
    object.time("removed_at", *row.removed_at);
  } else {
    object.text("type", event.type).time("occurred_at", *event.occurred_at).time("recorded_at", *event.recorded_at);
    object.text("content_type", event.content_type).bytes("metadata", event.metadata, true);
    if (!event.data) object.json(kData, "null");
    add_data(object, event);
  }
  object.end();
}

// CloudEvents wants a sequence that sorts as text.
std::string sequence_of(Position position) {
  constexpr std::size_t kDigits = 20;
  const std::string digits = std::to_string(position.value);
  return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool is_plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= 'a' && byte <= 'z') ||
                          std::string_view("-._~").find(letter) != std::string_view::npos;
    is_plain ? out += letter : out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

void append_cloud_event(std::string& out, const LogRow& row) {
  const Event& event = row.event;
  Object object(out);
  object.text("specversion", "1.0").id("id", event.id).text("source", "/penstock/" + percent_encoded(event.category));
  object.text("type", row.is_stub() ? kRemovedType : event.type);
  if (const auto key = key_of(event.stream, event.category); !key.empty()) object.text("subject", key);
  if (!row.is_stub()) {
    object.time("time", *event.occurred_at).text("datacontenttype", event.content_type);
    object.time("recordedtime", *event.recorded_at);
  }
  object.text("sequence", sequence_of(*event.position)).text("stream", event.stream);
  object.text("category", event.category).text("streamversion", std::to_string(event.version->value));
  if (row.is_stub()) object.time("removedtime", *row.removed_at);
  if (!row.is_stub()) object.text("metadata", event.metadata);
  add_data(object, event);
  object.end();
}

void append_other(std::string& out, const Entry& entry, Style style) {
  std::string content;
  Object described(content);
  const std::string_view name = std::visit(Describe{described}, entry);
  described.end();
  Object object(out);
  if (style == Style::kJsonLines) {
    object.json(name, content);
  } else {
    object.text("specversion", "1.0").id("id", EventId::from_name(kNamespaceUrl, content));
    object.text("source", "/penstock").text("type", std::string(kControlType) + std::string(name));
    object.text("datacontenttype", "application/json").text(kControl, name).json(kData, content);
  }
  object.end();
}

}  // namespace

std::string time_text(Timestamp time) {
  using namespace std::chrono;
  constexpr Timestamp kFirst = sys_days(year(0) / January / 1), kBehind = sys_days(year(10'000) / January / 1);
  if (time >= kFirst && time < kBehind) return format_timestamp(time);
  return "@" + std::to_string(time.time_since_epoch().count());
}

void append_line(std::string& out, const LogRow& row, Style style) {
  style == Style::kJsonLines ? append_json_line(out, row) : append_cloud_event(out, row);
  out += '\n';
}

void append_line(std::string& out, const Entry& entry, Style style) {
  if (const auto* row = std::get_if<LogRow>(&entry)) return append_line(out, *row, style);
  append_other(out, entry, style);
  out += '\n';
}

}  // namespace penstock::store::archive
