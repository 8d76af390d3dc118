#include "store/archive/line_parser.h"

#include <charconv>

#include "core/json_pointer.h"
#include "core/json_slices.h"
#include "core/json_text.h"
#include "core/timestamp_text.h"
#include "store/archive/words.h"

namespace penstock::store::archive {
namespace {

// The members of one object. The first that is missing or is no such thing is remembered as the fault;
// what is asked for later is then empty.
class Members {
 public:
  // `object` is a piece of `line`.
  Members(std::string_view line, std::string_view object) : line_(line) {
    const std::size_t begin = offset_of(object);
    if (const auto fault = slice_object(object, members_)) refuse(begin + fault->at, std::string(fault->words));
    at_end_ = begin + object.size();
  }

  const std::optional<LineFault>& fault() const { return fault_; }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  const std::vector<JsonSlice>& all() const { return members_; }

  // As it is written; empty when it is missing.
  std::string_view raw(std::string_view name) {
    const JsonSlice* member = find(name);
    if (member != nullptr) return member->value;
    refuse(at_end_, "the member \"" + std::string(name) + "\" is missing");
    return {};
  }
  std::string text(std::string_view name) {
    const std::string_view value = raw(name);
    auto characters = value.starts_with('"') ? text_of_json(value) : std::nullopt;
    if (!characters) refuse_value(value, name, "is no text");
    return characters.value_or("");
  }
  // Without a copy where nothing is escaped.
  std::string_view text(std::string_view name, EventBatchBuilder& memory) {
    const std::string_view value = raw(name);
    if (value.size() >= 2 && value.front() == '"' && value.find('\\') == std::string_view::npos)
      return memory.keep(value.substr(1, value.size() - 2));
    return memory.keep(text(name));
  }
  // Under its own name, or as base64 under the other one; JSON counts as its own bytes.
  std::string any_text(std::string_view name) {
    const std::string encoded = std::string(name) + std::string(kBase64);
    return has(encoded) ? base64(encoded) : text(name);
  }
  std::string bytes(std::string_view name) {
    const std::string encoded = std::string(name) + std::string(kBase64);
    return has(encoded) ? base64(encoded) : std::string(raw(name));
  }
  std::string base64(std::string_view name) {
    auto decoded = decode_base64(text(name));
    if (!decoded) refuse_value(raw(name), name, "is no base64");
    return decoded.value_or("");
  }
  // A whole number, not negative, as a number or as text.
  std::int64_t number(std::string_view name) {
    std::string_view value = raw(name);
    const std::string_view whole = value;
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    std::int64_t found = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), found);
    if (value.empty() || error != std::errc() || end != value.data() + value.size() || found < 0)
      refuse_value(whole, name, "is no whole number");
    return found;
  }
  EventId id(std::string_view name) {
    const auto parsed = EventId::parse(text(name));
    if (!parsed) refuse_value(raw(name), name, "is no UUID");
    return parsed.value_or(EventId());
  }
  Timestamp time(std::string_view name) {
    const std::string value = text(name);
    std::int64_t microseconds = 0;
    if (value.starts_with('@')) {
      const auto [end, error] = std::from_chars(value.data() + 1, value.data() + value.size(), microseconds);
      if (error == std::errc() && end == value.data() + value.size())
        return Timestamp(std::chrono::microseconds(microseconds));
    }
    const auto parsed = parse_timestamp(value);
    if (!parsed) refuse_value(raw(name), name, "is no time");
    return parsed.value_or(Timestamp());
  }
  void refuse_value(std::string_view value, std::string_view name, std::string_view why) {
    if (!value.empty()) refuse(offset_of(value), "the member \"" + std::string(name) + "\" " + std::string(why));
  }

 private:
  const JsonSlice* find(std::string_view name) const {
    for (const JsonSlice& member : members_)
      if (member.name == name) return &member;
    return nullptr;
  }
  std::size_t offset_of(std::string_view piece) const { return static_cast<std::size_t>(piece.data() - line_.data()); }
  void refuse(std::size_t at, std::string words) {
    if (!fault_) fault_ = LineFault{at + 1, std::move(words)};
  }

  const std::string_view line_;
  std::vector<JsonSlice> members_;
  std::size_t at_end_ = 0;
  std::optional<LineFault> fault_;
};

Header header_in(Members& members) {
  Header header;
  header.format = static_cast<int>(members.number("format"));
  if (header.format != kFormat)
    members.refuse_value(
        members.raw("format"), "format",
        "is " + std::to_string(header.format) + ", this program reads format " + std::to_string(kFormat));
  header.program = members.text("program");
  header.identity = {members.text("system_identifier"), members.number("timeline"), members.number("incarnation")};
  header.after = Position{members.number("after")};
  header.after_id = members.id("after_id");
  if (members.has("floor")) header.floor = Position{members.number("floor")};
  header.exported_at = members.time("exported_at");
  return header;
}

StreamEntry stream_in(Members& members) {
  StreamEntry stream;
  stream.name = members.text("name");
  const std::string state = members.text("state");
  stream.state = parse_stream_state(state);
  if (to_string(stream.state) != state) members.refuse_value(members.raw("state"), "state", "is an unknown word");
  stream.truncate_before = Version{members.number("truncate_before")};
  if (members.has("max_count")) stream.limits.max_count = static_cast<std::uint64_t>(members.number("max_count"));
  if (members.has("max_age_us")) stream.limits.max_age = std::chrono::microseconds(members.number("max_age_us"));
  if (members.has("last_version"))
    stream.without_rows = {members.text("category"), Version{members.number("last_version")}};
  return stream;
}

CheckpointEntry checkpoint_in(Members& members) {
  return {members.text("route"), Position{members.number("position")}, members.id("event_id")};
}

SourceCheckpointEntry source_checkpoint_in(Members& members) {
  return {members.text("source"),
          {members.any_text("position"), members.text("system_identifier"), members.number("timeline")}};
}

ParkedEvent parked_in(Members& members) {
  ParkedEvent parked;
  parked.as = members.text("as") == kSkipped ? ParkedAs::kSkipped : ParkedAs::kParked;
  parked.route = members.text("route");
  parked.source = members.text("source");
  parked.source_key = members.any_text("source_key");
  if (members.has("event_id")) parked.event_id = members.id("event_id");
  if (members.has("key") || members.has("key_base64")) parked.key = members.any_text("key");
  if (members.has("position")) parked.position = Position{members.number("position")};
  parked.code = members.text("code");
  parked.reason = members.any_text("reason");
  parked.kept = members.text("kept") == kByReference ? ParkedEvent::Kept::kByReference : ParkedEvent::Kept::kWhole;
  parked.content = members.bytes("content");
  return parked;
}

GapRecord gap_in(Members& members) {
  GapRecord gap;
  gap.route = members.text("route");
  gap.reason = members.text("reason");
  // Older archives don't say it; those of sources were of the write-ahead log.
  const bool is_of_source = gap.reason.starts_with("wal.");
  gap.of = is_of_source ? GapRecord::Of::kSource : GapRecord::Of::kRoute;
  if (members.has("kind")) gap.of = parse_gap_kind(members.text("kind"));
  gap.from = Position{members.number("from")};
  gap.to = Position{members.number("to")};
  std::string ids(members.raw("events"));
  // Ids have nothing that is escaped: what stands between the quotes is the id.
  for (std::size_t at = ids.find('"'); at != std::string::npos; at = ids.find('"', at)) {
    const std::size_t end = ids.find('"', at + 1);
    const auto id = EventId::parse(std::string_view(ids).substr(at + 1, end - at - 1));
    if (!id) members.refuse_value(members.raw("events"), "events", "is no list of UUIDs");
    if (!id) break;
    gap.events.push_back(*id);
    at = end + 1;
  }
  gap.acknowledged_by = members.text("acknowledged_by");
  return gap;
}

End end_in(Members& members) {
  return {static_cast<std::uint64_t>(members.number("rows")), Position{members.number("head")}, members.id("head_id"),
          members.text("sha256")};
}

void read_data(LogRow& row, Members& members, EventBatchBuilder& memory) {
  if (members.has("data_base64"))
    row.event.data = memory.keep(members.base64("data_base64"));
  else if (members.has(kData) && members.raw(kData) != "null")
    row.event.data = memory.keep(members.raw(kData));
}

void read_names(LogRow& row, Members& members, EventBatchBuilder& memory) {
  row.event.id = members.id("id");
  row.event.stream = members.text("stream", memory);
  row.event.category = members.text("category", memory);
}

LogRow json_row_in(Members& members, EventBatchBuilder& memory) {
  LogRow row;
  Event& event = row.event;
  event.position = Position{members.number("position")};
  read_names(row, members, memory);
  event.version = Version{members.number("version")};
  if (members.has("removed_at")) {
    row.removed_at = members.time("removed_at");
    return row;
  }
  event.type = members.text("type", memory);
  event.occurred_at = members.time("occurred_at");
  event.recorded_at = members.time("recorded_at");
  event.content_type = members.text("content_type", memory);
  event.metadata = memory.keep(members.has("metadata_base64") ? members.base64("metadata_base64")
                                                              : std::string(members.raw("metadata")));
  if (!members.has("data_base64")) members.raw(kData);
  read_data(row, members, memory);
  return row;
}

LogRow cloud_row_in(Members& members, EventBatchBuilder& memory) {
  LogRow row;
  Event& event = row.event;
  event.position = Position{members.number("sequence")};
  read_names(row, members, memory);
  event.version = Version{members.number("streamversion")};
  if (members.has("removedtime")) {
    row.removed_at = members.time("removedtime");
    return row;
  }
  event.type = members.text("type", memory);
  event.occurred_at = members.time("time");
  event.recorded_at = members.time("recordedtime");
  event.content_type = members.text("datacontenttype", memory);
  event.metadata = members.text("metadata", memory);
  read_data(row, members, memory);
  return row;
}

// An entry that is no row, by the name of its kind.
std::optional<Entry> other_in(std::string_view name, Members& members) {
  if (name == kHeader) return header_in(members);
  if (name == kStream) return stream_in(members);
  if (name == kCheckpoint) return checkpoint_in(members);
  if (name == kSourceCheckpoint) return source_checkpoint_in(members);
  if (name == kParked) return parked_in(members);
  if (name == kGap) return gap_in(members);
  if (name == kEnd) return end_in(members);
  return std::nullopt;
}

tl::expected<Entry, LineFault> other_entry(std::string_view name, std::string_view content, std::string_view line) {
  Members members(line, content);
  if (members.fault()) return tl::unexpected(*members.fault());
  auto entry = other_in(name, members);
  if (!entry) return tl::unexpected(LineFault{1, "this is no line of an archive"});
  if (members.fault()) return tl::unexpected(*members.fault());
  return std::move(*entry);
}

}  // namespace

tl::expected<Entry, LineFault> parse_line(std::string_view line, EventBatchBuilder& memory) {
  Members members(line, line);
  if (members.fault()) return tl::unexpected(*members.fault());
  const bool is_cloud_event = members.has("specversion");
  if (is_cloud_event && members.has(kControl)) {
    const std::string name = members.text(kControl);
    const std::string_view content = members.raw(kData);
    if (members.fault()) return tl::unexpected(*members.fault());
    return other_entry(name, content, line);
  }
  if (!is_cloud_event && !members.has("position")) {
    if (members.all().size() != 1) return tl::unexpected(LineFault{1, "this is no line of an archive"});
    return other_entry(members.all().front().name, members.all().front().value, line);
  }
  LogRow row = is_cloud_event ? cloud_row_in(members, memory) : json_row_in(members, memory);
  if (members.fault()) return tl::unexpected(*members.fault());
  return row;
}

}  // namespace penstock::store::archive
