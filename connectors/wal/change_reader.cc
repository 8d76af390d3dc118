#include "connectors/wal/change_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "connectors/outbox/cell_text.h"
#include "connectors/outbox/row_size.h"
#include "connectors/wal/heartbeats.h"
#include "core/json_text.h"

namespace penstock::wal {
namespace {

using connectors::MalformedRow;
using outbox::Cell;
using outbox::ColumnType;
using outbox::Role;

// A publication has few tables, and a producer writes few shapes of messages.
constexpr std::size_t kMostShapes = 1'000, kMostColumnsKept = 50'000;
// A byte of a JSON text that is not within a name or between its members is written with at most so many.
constexpr std::size_t kMostEscaped = 6;

// pg_type.dat: these oids are the same in every database.
constexpr struct {
  std::uint32_t oid;
  ColumnType type;
} kBuiltIn[] = {
    {16, ColumnType::kBoolean},      {17, ColumnType::kBytes},   {18, ColumnType::kText},    {19, ColumnType::kText},
    {20, ColumnType::kInteger},      {21, ColumnType::kInteger}, {23, ColumnType::kInteger}, {25, ColumnType::kText},
    {26, ColumnType::kNumber},       {114, ColumnType::kJson},   {700, ColumnType::kNumber}, {701, ColumnType::kNumber},
    {1042, ColumnType::kPaddedText}, {1043, ColumnType::kText},  {1114, ColumnType::kTime},  {1184, ColumnType::kTime},
    {1700, ColumnType::kNumber},     {2950, ColumnType::kUuid},  {3802, ColumnType::kJson},
};

tl::unexpected<Error> not_understood(const DecodeError& error) {
  return fail(codes::kWalProtocol, "a message of the log can't be read: " + std::string(error.what) + ", at byte " +
                                       std::to_string(error.offset));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c - 'A' + 10;
}

// bytea_output is hex in our session.
std::string_view bytes_of_hex(std::string_view text, std::string& scratch) {
  scratch.clear();
  if (!text.starts_with("\\x")) return text;
  for (std::size_t i = 2; i + 1 < text.size(); i += 2)
    scratch += static_cast<char>(hex_digit(text[i]) << 4 | hex_digit(text[i + 1]));
  return scratch;
}

// What the cell of a long value has.
std::size_t size_of(const Tuple::Value& value, ColumnType type) {
  const bool is_hex = type == ColumnType::kBytes && value.bytes.starts_with("\\x");
  return is_hex ? (value.length - 2) / 2 : value.length;
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Cell time_cell(std::string_view text) {
  if (const auto time = outbox::time_of(Cell::text(text))) return Cell::time(time->time_since_epoch().count());
  if (text == "infinity") return Cell::time(std::numeric_limits<std::int64_t>::max());
  if (text == "-infinity") return Cell::time(std::numeric_limits<std::int64_t>::min());
  return Cell::text(text);
}

ColumnType type_of_member(const JsonMember& member, bool holds_time) {
  switch (member.is) {
    // Nobody has checked its characters.
    case JsonMember::Is::kString: return ColumnType::kDynamic;
    case JsonMember::Is::kNumber:
      return holds_time && integer_of(member.text) ? ColumnType::kInteger : ColumnType::kJson;
    case JsonMember::Is::kNull:
    case JsonMember::Is::kBoolean:
    case JsonMember::Is::kObject:
    case JsonMember::Is::kArray: return ColumnType::kJson;
  }
  return ColumnType::kJson;
}

// The header line and what follows; the whole content where there is no such line.
struct Parts {
  std::string_view members;
  std::optional<std::string_view> payload;
};
Parts parts_of(std::string_view content) {
  const auto line_end = content.find('\n');
  if (line_end == std::string_view::npos || line_end + 1 == content.size() || is_json_object(content))
    return {content, std::nullopt};
  return {content.substr(0, line_end), content.substr(line_end + 1)};
}

}  // namespace

ChangeReader::ChangeReader(const WalSettings& settings, TableNow table)
    : settings_(settings), table_(std::move(table)) {}

Result<ChangeReader::Meaning> ChangeReader::look_at(const Message& message) {
  if (const auto* relation = std::get_if<RelationMessage>(&message.body)) {
    const auto& table = settings_.rows.table;
    const bool is_ours =
        !settings_.reads_messages() && ((relation->schema == table.schema && relation->name == table.name) ||
                                        (table_.oid != 0 && relation->oid == table_.oid));
    if (!is_ours) {
      ours_.erase(relation->oid);
      return Meaning::kNothing;
    }
    if (ours_.insert(relation->oid).second && ours_.size() > kMostShapes)
      return fail(codes::kWalProtocol, "table " + table.to_string() + " has come under too many numbers");
    return Meaning::kRelation;
  }
  if (const auto* insert = std::get_if<InsertMessage>(&message.body))
    return ours_.contains(insert->relation) ? Meaning::kEvent : Meaning::kNothing;
  if (const auto* logical = std::get_if<LogicalMessage>(&message.body)) {
    if (logical->kind == LogicalMessage::Kind::kImmediate) return Meaning::kNothing;
    if (logical->prefix == Heartbeats::kPrefix) return Meaning::kHeartbeat;
    return settings_.reads_messages() && logical->prefix == settings_.message_prefix ? Meaning::kEvent
                                                                                     : Meaning::kNothing;
  }
  return Meaning::kNothing;
}

ColumnType ChangeReader::type_of(const RelationColumn& column) const {
  const std::string* id = settings_.rows.column_of(Role::kId);
  const auto* found = std::ranges::find(kBuiltIn, column.type, [](const auto& one) { return one.oid; });
  ColumnType type = ColumnType::kText;
  if (found != std::end(kBuiltIn)) {
    type = found->type;
  } else if (const auto known = table_.types.find(column.name); known != table_.types.end()) {
    type = known->second;
  }
  // As a poll reads it.
  return id != nullptr && *id == column.name && type == ColumnType::kTime ? ColumnType::kText : type;
}

Result<ChangeReader::Mapped*> ChangeReader::mapped_for(std::string signature, outbox::RowShape shape) {
  if (const auto found = mapped_.find(signature); found != mapped_.end()) {
    if (found->second.unfit) return fail(*found->second.unfit);
    return &found->second;
  }
  auto roles = outbox::find_role_columns(settings_.rows, shape);
  if (!roles) return fail(std::move(roles.error()));
  columns_kept_ += shape.columns.size();
  if (mapped_.size() >= kMostShapes || columns_kept_ > kMostColumnsKept) {
    mapped_.clear();
    by_relation_.clear();
    columns_kept_ = shape.columns.size();
  }
  auto ignored = ignored_in(shape);
  auto mapping = std::make_unique<outbox::RowMapping>(settings_.rows, shape, *roles);
  Mapped mapped{std::move(shape), std::move(ignored), *roles, std::move(mapping), {}};
  return &mapped_.emplace(std::move(signature), std::move(mapped)).first->second;
}

std::vector<bool> ChangeReader::ignored_in(const outbox::RowShape& shape) const {
  const outbox::OutboxSettings& rows = settings_.rows;
  std::vector<bool> ignored;
  for (const outbox::ColumnShape& column : shape.columns)
    ignored.push_back(!rows.is_mapped(column.name) &&
                      (column.name == rows.order_by || std::ranges::count(rows.ignore, column.name) > 0));
  return ignored;
}

Result<ChangeReader::Described> ChangeReader::describe(const Change& change) const {
  const auto message = PgoutputDecoder::decode_one(change.bytes, change.within);
  if (!message) return not_understood(message.error());
  const auto& relation = std::get<RelationMessage>(message->body);
  Described described{relation.oid, {}, {settings_.rows.order_by, {}, table_.texts}};
  for (const RelationColumn& column : relation.columns) {
    auto& columns = described.shape.columns;
    columns.push_back({std::string(column.name), type_of(column)});
    described.signature.append(column.name)
        .append(1, '\0')
        .append(std::to_string(static_cast<int>(columns.back().type)));
  }
  return described;
}

Status ChangeReader::learn(const Change& change) {
  auto described = describe(change);
  if (!described) return fail(std::move(described.error()));
  auto mapped = mapped_for(std::move(described->signature), std::move(described->shape));
  if (!mapped) return fail(std::move(mapped.error()));
  by_relation_[described->oid] = *mapped;
  return {};
}

Status ChangeReader::learn_unfit(const Change& change, const Error& why) {
  auto described = describe(change);
  if (!described) return fail(std::move(described.error()));
  auto ignored = ignored_in(described->shape);
  Mapped mapped{std::move(described->shape), std::move(ignored), {}, nullptr, why};
  const auto known = mapped_.insert_or_assign(std::move(described->signature), std::move(mapped));
  by_relation_[described->oid] = &known.first->second;
  return {};
}

Result<std::unique_ptr<MalformedRow>> ChangeReader::read(const Change& change, const WalPosition& position,
                                                         EventBatchBuilder& builder) {
  place_.clear();
  append_text(place_, position);
  row_id_.reset();
  auto malformed = park_too_large(change, builder);
  if (malformed && !*malformed) malformed = read_kept(change, builder);
  if (malformed && *malformed) (*malformed)->source_key = place_;
  return malformed;
}

Result<std::unique_ptr<MalformedRow>> ChangeReader::park_too_large(const Change& change, EventBatchBuilder& builder) {
  const bool may_be = change.bytes.size() > settings_.rows.event_bytes || change.kind == Change::Kind::kCutEvent;
  if (!may_be) return nullptr;
  const auto message = PgoutputDecoder::decode_one(change.bytes, change.within, change.form());
  if (!message) return not_understood(message.error());
  const auto* insert = std::get_if<InsertMessage>(&message->body);
  if (insert == nullptr) return nullptr;
  const auto columns = mapped_of(*insert);
  if (!columns) return fail(columns.error());
  const Mapped& mapped = **columns;
  cells_.clear();
  outbox::RowSize size;
  Tuple::Reader reader(insert->row);
  for (std::size_t i = 0; i < insert->row.columns(); ++i) {
    const Tuple::Value value = reader.next();
    const ColumnType type = mapped.shape.columns[i].type;
    if (mapped.ignored[i]) {
      cells_.push_back(Cell::null());
      continue;
    }
    const bool may_name_the_row = value.length <= kLongestName;
    cells_.push_back(may_name_the_row ? cell_of(value, type, builder) : Cell::null());
    (mapped.roles[Role::kPayload] == i ? size.payload : size.others) +=
        may_name_the_row ? cells_.back().bytes.size() : size_of(value, type);
  }
  if (!outbox::is_too_large(size, settings_.rows.event_bytes)) return nullptr;
  return too_large(size, mapped);
}

Result<std::unique_ptr<MalformedRow>> ChangeReader::read_kept(const Change& change, EventBatchBuilder& builder) {
  const auto message = PgoutputDecoder::decode_one(builder.keep(change.bytes), change.within, change.form());
  if (!message) return not_understood(message.error());
  const auto* insert = std::get_if<InsertMessage>(&message->body);
  return insert != nullptr ? read_row(*insert, builder)
                           : read_message(std::get<LogicalMessage>(message->body).content, builder);
}

Result<const ChangeReader::Mapped*> ChangeReader::mapped_of(const InsertMessage& insert) const {
  const auto found = by_relation_.find(insert.relation);
  if (found == by_relation_.end())
    return fail(codes::kWalProtocol,
                "a row of table " + settings_.rows.table.to_string() + " comes before its columns");
  const Mapped& mapped = *found->second;
  if (mapped.shape.columns.size() != insert.row.columns())
    return fail(codes::kWalProtocol, "a row of table " + settings_.rows.table.to_string() + " has " +
                                         std::to_string(insert.row.columns()) + " values for " +
                                         std::to_string(mapped.shape.columns.size()) + " columns");
  return &mapped;
}

Result<std::unique_ptr<MalformedRow>> ChangeReader::read_row(const InsertMessage& insert, EventBatchBuilder& builder) {
  const auto columns = mapped_of(insert);
  if (!columns) return fail(columns.error());
  const Mapped& mapped = **columns;
  cells_.clear();
  Tuple::Reader reader(insert.row);
  for (std::size_t i = 0; i < insert.row.columns(); ++i) {
    const Tuple::Value value = reader.next();
    if (value.is == Tuple::Value::Is::kCut && !mapped.ignored[i])
      return fail(codes::kInternal,
                  "a row of table " + settings_.rows.table.to_string() + " was cut and is not too large");
    cells_.push_back(cell_of(value, mapped.shape.columns[i].type, builder));
    if (mapped.roles[Role::kId] == i && value.is == Tuple::Value::Is::kText) row_id_ = value.bytes;
  }
  if (mapped.unfit) return unfit(mapped);
  return mapped.mapping->map({0, cells_, 0, place_}, builder);
}

Result<std::unique_ptr<MalformedRow>> ChangeReader::read_message(std::string_view content, EventBatchBuilder& builder) {
  // Before anything is made of its members, which take more room than their text.
  if (content.size() / kMostEscaped > 2 * settings_.rows.event_bytes + outbox::kOtherColumnsBytes)
    return unreadable(content, "the content has " + std::to_string(content.size()) +
                                   " bytes, more than [limits] event_bytes allows in any form");
  const Parts parts = parts_of(content);
  auto members = json_members(parts.members);
  if (!members) return unreadable(content, "the content is neither a JSON object nor starts with a line that is one");
  const std::string* payload_column = settings_.rows.column_of(Role::kPayload);
  const std::string* time_column = settings_.rows.column_of(Role::kOccurredAt);
  outbox::RowShape shape;
  std::string signature;
  const auto add_column = [&](std::string_view name, ColumnType type) {
    shape.columns.push_back({std::string(name), type});
    signature.append(name).append(1, '\0').append(std::to_string(static_cast<int>(type)));
  };
  for (const JsonMember& member : *members)
    add_column(member.name, type_of_member(member, time_column != nullptr && member.name == *time_column));
  if (parts.payload && payload_column != nullptr) add_column(*payload_column, ColumnType::kBytes);
  // A member that is missing is a NULL.
  for (const Role role : outbox::kRoles)
    if (const std::string* column = settings_.rows.column_of(role); column != nullptr && !shape.find(*column))
      add_column(*column, ColumnType::kDynamic);

  cells_.clear();
  const auto mapped = mapped_for(std::move(signature), shape);
  if (!mapped) return fail(mapped.error());
  for (std::size_t i = 0; i < members->size(); ++i)
    cells_.push_back(cell_of((*members)[i], shape.columns[i].type, builder));
  if (parts.payload && payload_column != nullptr) cells_.push_back(Cell::blob(*parts.payload));
  cells_.resize(shape.columns.size(), Cell::null());
  outbox::RowSize size;
  for (std::size_t i = 0; i < cells_.size(); ++i)
    ((*mapped)->roles[Role::kPayload] == i ? size.payload : size.others) += cells_[i].bytes.size();
  if (outbox::is_too_large(size, settings_.rows.event_bytes))
    return unreadable(content, outbox::words_of_too_large(size, settings_.rows.event_bytes));
  return (*mapped)->mapping->map({0, cells_, 0, place_}, builder);
}

std::unique_ptr<MalformedRow> ChangeReader::unreadable(std::string_view content, std::string reason) const {
  auto malformed = std::make_unique<MalformedRow>();
  malformed->code = codes::kOutboxRowMalformed.name;
  malformed->reason = settings_.rows.table.to_string() + ": " + std::move(reason);
  malformed->content = "{\"content\":";
  if (is_utf8_text(content)) {
    append_json_string(malformed->content, content);
  } else {
    malformed->content += "{\"base64\":\"";
    append_base64(malformed->content, content);
    malformed->content += "\"}";
  }
  malformed->content += '}';
  return malformed;
}

std::unique_ptr<MalformedRow> ChangeReader::unfit(const Mapped& mapped) const {
  auto malformed = std::make_unique<MalformedRow>();
  malformed->code = codes::kOutboxRowMalformed.name;
  malformed->reason = "the row was written while the table had other columns: " + mapped.unfit->message();
  outbox::append_row_json(malformed->content, mapped.shape, {0, cells_, 0, place_});
  return malformed;
}

// The row is still in its table, unless its writer has deleted it.
std::unique_ptr<MalformedRow> ChangeReader::too_large(const outbox::RowSize& size, const Mapped& mapped) const {
  auto malformed = std::make_unique<MalformedRow>();
  std::string scratch;
  if (const auto key = mapped.roles[Role::kAggregateId])
    if (const auto text = outbox::text_of(cells_[*key], scratch);
        text && text->size() <= kLongestKept && is_utf8_text(*text))
      malformed->key = std::string(*text);
  malformed->code = codes::kOutboxRowTooLarge.name;
  malformed->reason =
      "table " + settings_.rows.table.to_string() + ": " + outbox::words_of_too_large(size, settings_.rows.event_bytes);
  malformed->content = "{\"source_key\":\"" + place_ + "\",\"bytes\":" + std::to_string(size.total());
  if (const auto column = mapped.roles[Role::kId])
    if (const auto id = outbox::text_of(cells_[*column], scratch);
        id && id->size() <= kLongestKept && is_utf8_text(*id)) {
      malformed->content += ",\"id\":";
      append_json_string(malformed->content, *id);
    }
  malformed->content += '}';
  malformed->kept = MalformedRow::Kept::kByReference;
  return malformed;
}

Cell ChangeReader::cell_of(const Tuple::Value& value, ColumnType type, EventBatchBuilder& builder) {
  using Is = Tuple::Value::Is;
  if (value.is == Is::kNull || value.is == Is::kUnchanged || value.is == Is::kCut) return Cell::null();
  switch (type) {
    case ColumnType::kBytes: return Cell::blob(builder.keep(bytes_of_hex(value.bytes, scratch_)));
    case ColumnType::kInteger:
      if (const auto number = integer_of(value.bytes)) return Cell::integer(*number);
      return Cell::text(value.bytes);
    case ColumnType::kTime: return time_cell(value.bytes);
    case ColumnType::kBoolean: return Cell::text(value.bytes == "t" ? "true" : "false");
    case ColumnType::kPaddedText: return Cell::text(value.bytes.substr(0, value.bytes.find_last_not_of(' ') + 1));
    case ColumnType::kText:
    case ColumnType::kJson:
    case ColumnType::kNumber:
    case ColumnType::kUuid:
    case ColumnType::kDynamic: return Cell::text(value.bytes);
  }
  return Cell::null();
}

Cell ChangeReader::cell_of(const JsonMember& member, ColumnType type, EventBatchBuilder& builder) {
  if (member.is == JsonMember::Is::kNull) return Cell::null();
  if (member.is == JsonMember::Is::kString) return Cell::text(builder.keep(json_string(member)));
  if (type == ColumnType::kInteger) return Cell::integer(*integer_of(member.text));
  return Cell::text(member.text);
}

}  // namespace penstock::wal
