#include "connectors/outbox/row_mapping.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "connectors/outbox/cell_text.h"
#include "connectors/outbox/text_list.h"
#include "core/json_pointer.h"
#include "core/json_text.h"

namespace penstock::outbox {
namespace {

// As wide as the columns of the store are.
constexpr std::size_t kLongestStream = 1'024;
constexpr std::size_t kLongestCategory = 255;
constexpr std::size_t kLongestType = 255;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
constexpr std::string_view kOctets = "application/octet-stream";

std::string longer_than(std::size_t bytes) { return "is longer than " + std::to_string(bytes) + " bytes"; }

std::string_view trim(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

// A text that may stand for a number.
Cell cell_of_text(std::optional<std::string_view> text) {
  if (!text) return Cell::null();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool is_number = error == std::errc() && end == text->data() + text->size();
  return is_number ? Cell::integer(number) : Cell::text(*text);
}

std::string source_key_of(const Row& row) {
  return row.place.empty() ? std::to_string(row.number) : std::string(row.place);
}

}  // namespace

Result<RoleColumns> find_role_columns(const OutboxSettings& settings, const RowShape& shape) {
  RoleColumns columns;
  for (const Role role : kRoles) {
    const std::string* column = settings.column_of(role);
    if (column == nullptr) continue;
    const auto found = shape.find(*column);
    if (!found)
      return fail(codes::kOutboxTableMissing, "table " + settings.table.to_string() + " has no column `" + *column +
                                                  "`, which is mapped to " + std::string(to_string(role)));
    columns.by_role[static_cast<std::size_t>(role)] = found;
  }
  return columns;
}

RowMapping::RowMapping(const OutboxSettings& settings, const RowShape& shape, const RoleColumns& columns)
    : settings_(settings),
      shape_(shape),
      columns_(columns),
      name_space_(EventId::from_name(
          kNamespaceUrl, "penstock:source:" + (settings.ids_of.empty() ? settings.source_name : settings.ids_of))) {
  for (const Role role : kRoles) {
    if (const std::string* constant = settings_.constant_of(role)) constants_[index_of(role)] = *constant;
    if (const auto* pointed = settings_.pointed(role)) pointed_[index_of(role)] = *pointed;
  }
  for (std::size_t i = 0; i < shape_.columns.size(); ++i) {
    const std::string& name = shape_.columns[i].name;
    // Of a column that only parts of are mapped, the whole goes into the metadata.
    const bool mapped =
        std::ranges::any_of(kRoles, [&](Role role) { return columns_[role] == std::optional(i) && !is_pointed(role); });
    if (mapped || name == settings_.order_by || std::ranges::count(settings_.ignore, name) > 0) continue;
    extras_.push_back(i);
    append_json_string(extra_names_.emplace_back(), name);
    extra_names_.back() += ':';
  }
}

std::unique_ptr<connectors::MalformedRow> RowMapping::map(const Row& row, EventBatchBuilder& builder) {
  Event event;
  const Checked wrong = fill(row, builder, event);
  if (!wrong) {
    builder.add(event);
    return nullptr;
  }
  auto malformed = std::make_unique<connectors::MalformedRow>();
  malformed->source_key = source_key_of(row);
  Text key;
  if (!read_text(row, Role::kAggregateId, key) && key.text) malformed->key = std::string(*key.text);
  malformed->code = codes::kOutboxRowMalformed.name;
  malformed->reason = "table " + settings_.table.to_string() + ", " + name_of(wrong->role) + ": " + wrong->what;
  append_row_json(malformed->content, shape_, row);
  return malformed;
}

std::unique_ptr<connectors::MalformedRow> RowMapping::by_reference(const Row& row, const RowSize& size,
                                                                   std::optional<std::string_view> key) const {
  auto malformed = std::make_unique<connectors::MalformedRow>();
  malformed->source_key = source_key_of(row);
  if (key && is_utf8_text(*key)) malformed->key = std::string(*key);
  malformed->code = codes::kOutboxRowTooLarge.name;
  malformed->reason = "table " + settings_.table.to_string() + ": " + words_of_too_large(size, settings_.event_bytes);
  malformed->content = R"({"source_key":)";
  append_json_string(malformed->content, malformed->source_key);
  malformed->content += R"(,"bytes":)" + std::to_string(size.total()) + "}";
  malformed->kept = connectors::MalformedRow::Kept::kByReference;
  return malformed;
}

RowMapping::Checked RowMapping::fill(const Row& row, EventBatchBuilder& builder, Event& event) {
  if (auto wrong = fill_id(row, event)) return wrong;
  if (auto wrong = fill_stream(row, builder, event)) return wrong;
  if (auto wrong = fill_type(row, builder, event)) return wrong;
  if (auto wrong = fill_payload(row, builder, event)) return wrong;
  if (auto wrong = fill_metadata(row, builder, event)) return wrong;
  if (auto wrong = fill_time(row, event)) return wrong;
  event.source_position = builder.keep(row.place.empty() ? *text_of(Cell::integer(row.number), scratch_) : row.place);
  return std::nullopt;
}

RowMapping::Checked RowMapping::fill_id(const Row& row, Event& event) {
  if (settings_.id_kind == IdKind::kAny) {
    const Text original = text_of_id(row);
    if (!original.text) return Wrong{Role::kId, "is NULL"};
    if (original.text->empty()) return Wrong{Role::kId, "is empty"};
    if (!is_pointed(Role::kId) && !is_said_text(*cell_of(row, Role::kId), *original.text))
      return Wrong{Role::kId, "is not UTF-8 text"};
    event.id = EventId::from_name(name_space_, *original.text);
    return std::nullopt;
  }
  const Cell pointed = is_pointed(Role::kId) ? cell_of_text(text_of_id(row).text) : Cell::null();
  const Cell& cell = is_pointed(Role::kId) ? pointed : *cell_of(row, Role::kId);
  if (cell.is == Cell::Is::kNull) return Wrong{Role::kId, "is NULL"};
  const bool binary = cell.is == Cell::Is::kUuid || cell.is == Cell::Is::kBytes;
  if (binary && cell.bytes.size() == 16) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), cell.bytes.data(), bytes.size());
    event.id = EventId(bytes);
    return std::nullopt;
  }
  const auto id = EventId::parse(*text_of(cell, scratch_));
  if (!id) return Wrong{Role::kId, "is not a UUID (id_kind = \"any\" takes any text)"};
  event.id = *id;
  return std::nullopt;
}

RowMapping::Checked RowMapping::fill_stream(const Row& row, EventBatchBuilder& builder, Event& event) {
  Text category, id;
  if (auto wrong = read_text(row, Role::kAggregateType, category)) return wrong;
  if (!category.text) return Wrong{Role::kAggregateType, "is NULL"};
  if (category.text->empty()) return Wrong{Role::kAggregateType, "is empty"};
  if (category.text->size() > kLongestCategory) return Wrong{Role::kAggregateType, longer_than(kLongestCategory)};
  stream_.assign(*category.text);
  if (auto wrong = read_text(row, Role::kAggregateId, id)) return wrong;
  // Nothing can be ordered by an empty one either, and no broker is given an empty key.
  const bool has_id = id.text && !id.text->empty();
  if (!has_id && settings_.null_key == NullKey::kRefuse)
    return Wrong{Role::kAggregateId, std::string(id.text ? "is empty" : "is NULL") +
                                         " (null_key = \"allow\" takes such rows, without an order)"};
  const std::size_t category_size = stream_.size();
  if (has_id) stream_.append("-").append(*id.text);
  if (stream_.size() > kLongestStream)
    return Wrong{Role::kAggregateId, "makes a stream name that " + longer_than(kLongestStream)};

  event.stream = builder.keep(stream_);
  event.category = event.stream.substr(0, category_size);
  if (has_id) event.key = event.stream.substr(category_size + 1);
  return std::nullopt;
}

RowMapping::Checked RowMapping::fill_type(const Row& row, EventBatchBuilder& builder, Event& event) {
  Text type;
  if (auto wrong = read_text(row, Role::kType, type)) return wrong;
  if (!type.text) return Wrong{Role::kType, "is NULL"};
  if (type.text->empty()) return Wrong{Role::kType, "is empty"};
  if (type.text->size() > kLongestType) return Wrong{Role::kType, longer_than(kLongestType)};
  event.type = type.kept(builder);
  return std::nullopt;
}

RowMapping::Checked RowMapping::fill_payload(const Row& row, EventBatchBuilder& builder, Event& event) {
  if (is_pointed(Role::kPayload)) {
    const auto value = find_pointed(row, Role::kPayload);
    const Text bytes = text_of_pointed(row, Role::kPayload);
    if (bytes.text) event.data = bytes.kept(builder);
    const bool is_text = !value || value->starts_with('"');
    event.content_type = is_text && settings_.text_payload == TextPayload::kPlain ? kPlainText : kJson;
  } else if (const Cell* cell = cell_of(row, Role::kPayload)) {
    const Text bytes = text_of_cell(*cell);
    if (bytes.text && !is_said_text(*cell, *bytes.text)) return Wrong{Role::kPayload, "is not UTF-8 text"};
    if (bytes.text) event.data = bytes.kept(builder);
    event.content_type = content_type_of(*cell);
  } else {
    event.data = builder.keep(*constants_[index_of(Role::kPayload)]);
    event.content_type = settings_.text_payload == TextPayload::kJson ? kJson : kPlainText;
  }

  Text content_type;
  if (auto wrong = read_text(row, Role::kContentType, content_type)) return wrong;
  if (!content_type.text || content_type.text->empty()) return std::nullopt;
  if (content_type.text->size() > kLongestType) return Wrong{Role::kContentType, longer_than(kLongestType)};
  event.content_type = content_type.kept(builder);
  return std::nullopt;
}

RowMapping::Checked RowMapping::fill_metadata(const Row& row, EventBatchBuilder& builder, Event& event) {
  Text headers;
  if (auto wrong = read_headers(row, headers)) return wrong;
  const std::string_view object = *headers.text;
  metadata_ = "{";
  add_source_id(row, object);
  add_extras(row, object);
  if (metadata_.size() == 1) {
    event.metadata = headers.kept(builder);
    return std::nullopt;
  }
  const std::string_view members = trim(object.substr(1, object.size() - 2));
  if (!members.empty()) metadata_.append(",").append(members);
  metadata_ += '}';
  event.metadata = builder.keep(metadata_);
  return std::nullopt;
}

RowMapping::Checked RowMapping::read_headers(const Row& row, Text& headers) {
  if (settings_.columns.contains(Role::kHeaderNames)) return read_header_lists(row, headers);
  if (auto wrong = read_text(row, Role::kHeaders, headers)) return wrong;
  if (!headers.text || trim(*headers.text).empty()) headers = {"{}", Text::Lives::kWithBatch};
  const auto column = columns_[Role::kHeaders];
  const std::string_view object = trim(*headers.text);
  if (column && is_json_column(*column) ? !object.starts_with('{') : !is_json_object(object))
    return Wrong{Role::kHeaders, "is not a JSON object"};
  headers.text = object;
  if (headers.lives == Text::Lives::kShortly) headers.text = headers_.assign(object);
  return std::nullopt;
}

RowMapping::Checked RowMapping::read_header_lists(const Row& row, Text& headers) {
  TextList names, values;
  for (const auto& [role, list] : {std::pair(Role::kHeaderNames, &names), std::pair(Role::kHeaderValues, &values)}) {
    Text text;
    if (auto wrong = read_text(row, role, text)) return wrong;
    if (!text.text || trim(*text.text).empty()) continue;
    auto parsed = parse_text_list(*text.text);
    if (!parsed) return Wrong{role, "is no list of texts"};
    *list = *std::move(parsed);
  }
  if (!std::ranges::all_of(names, [](const auto& name) { return name.has_value(); }))
    return Wrong{Role::kHeaderNames, "holds a name that is NULL"};
  if (names.size() != values.size())
    return Wrong{Role::kHeaderValues,
                 "has " + std::to_string(values.size()) + " values for " + std::to_string(names.size()) + " names"};
  headers_.clear();
  append_members(headers_, names, values);
  headers = {headers_, Text::Lives::kShortly};
  return std::nullopt;
}

void RowMapping::add_source_id(const Row& row, std::string_view headers) {
  if (settings_.id_kind != IdKind::kAny || has_member(headers, "source_id")) return;
  const std::string_view original = *text_of_id(row).text;
  metadata_ += "\"source_id\":";
  if (is_utf8_text(original))
    append_json_string(metadata_, original);
  else
    append_json_value(metadata_, Cell::blob(original), ColumnType::kBytes);
}

void RowMapping::add_extras(const Row& row, std::string_view headers) {
  for (std::size_t i = 0; i < extras_.size(); ++i) {
    const Cell& cell = row.cells[extras_[i]];
    const ColumnShape& column = shape_.columns[extras_[i]];
    if (cell.is == Cell::Is::kNull || has_member(headers, column.name)) continue;
    if (metadata_.size() > 1) metadata_ += ',';
    metadata_ += extra_names_[i];
    const bool is_broken = column.type == ColumnType::kJson && !is_said_text(cell, cell.bytes);
    append_json_value(metadata_, cell, is_broken ? ColumnType::kText : column.type);
  }
}

// A column that is declared as text, in a database that takes any bytes for it.
bool RowMapping::is_said_text(const Cell& cell, std::string_view bytes) const {
  return shape_.texts == RowShape::Texts::kUtf8 || cell.is != Cell::Is::kText || is_utf8_text(bytes);
}

RowMapping::Checked RowMapping::fill_time(const Row& row, Event& event) {
  const Cell* cell = cell_of(row, Role::kOccurredAt);
  const Cell pointed =
      is_pointed(Role::kOccurredAt) ? cell_of_text(text_of_pointed(row, Role::kOccurredAt).text) : Cell::null();
  if (is_pointed(Role::kOccurredAt)) cell = &pointed;
  if (cell == nullptr || cell->is == Cell::Is::kNull) return std::nullopt;
  event.occurred_at = time_of(*cell);
  if (!event.occurred_at) return Wrong{Role::kOccurredAt, "is not a time between the years 1 and 9999"};
  return std::nullopt;
}

const Cell* RowMapping::cell_of(const Row& row, Role role) const {
  const auto column = columns_[role];
  return column ? &row.cells[*column] : nullptr;
}

std::optional<std::string_view> RowMapping::find_pointed(const Row& row, Role role) const {
  const Cell* cell = cell_of(row, role);
  const bool may_be_json = cell->is == Cell::Is::kText || cell->is == Cell::Is::kBytes;
  if (!may_be_json) return std::nullopt;
  if (!is_json_column(*columns_[role]) && !is_json(cell->bytes)) return std::nullopt;
  return find_by_pointer(cell->bytes, pointed_[index_of(role)]->pointer);
}

RowMapping::Text RowMapping::text_of_pointed(const Row& row, Role role) {
  const auto value = find_pointed(row, role);
  const auto& fallback = pointed_[index_of(role)]->fallback;
  if (value && !value->starts_with('"') && *value != "null") return {*value, Text::Lives::kWithBatch};
  auto text = value ? text_of_json(*value) : std::nullopt;
  if (!text) {
    if (fallback) return {*fallback, Text::Lives::kShortly};
    return {};
  }
  scratch_ = *std::move(text);
  return {scratch_, Text::Lives::kShortly};
}

RowMapping::Text RowMapping::text_of_id(const Row& row) {
  return is_pointed(Role::kId) ? text_of_pointed(row, Role::kId) : text_of_cell(*cell_of(row, Role::kId));
}

RowMapping::Text RowMapping::text_of_cell(const Cell& cell) {
  const auto text = text_of(cell, scratch_);
  const bool as_it_is = cell.is == Cell::Is::kText || cell.is == Cell::Is::kBytes;
  return {text, as_it_is ? Text::Lives::kWithBatch : Text::Lives::kShortly};
}

RowMapping::Checked RowMapping::read_text(const Row& row, Role role, Text& text) {
  const Cell* cell = cell_of(row, role);
  if (cell == nullptr) {
    if (const auto& constant = constants_[index_of(role)]) text = {*constant, Text::Lives::kShortly};
    return std::nullopt;
  }
  if (is_pointed(role)) {
    text = text_of_pointed(row, role);
    if (text.text && !is_utf8_text(*text.text)) return Wrong{role, "is not UTF-8 text, or holds a NUL"};
    return std::nullopt;
  }
  text = text_of_cell(*cell);
  const bool checked_by_database = shape_.texts == RowShape::Texts::kUtf8 &&
                                   shape_.columns[*columns_[role]].type != ColumnType::kDynamic &&
                                   cell->is != Cell::Is::kBytes;
  if (text.text && !checked_by_database && !is_utf8_text(*text.text))
    return Wrong{role, "is not UTF-8 text, or holds a NUL"};
  return std::nullopt;
}

std::string_view RowMapping::content_type_of(const Cell& payload) const {
  const std::string_view text = settings_.text_payload == TextPayload::kJson ? kJson : kPlainText;
  switch (shape_.columns[*columns_[Role::kPayload]].type) {
    case ColumnType::kJson: return kJson;
    case ColumnType::kBytes: return kOctets;
    case ColumnType::kText:
    case ColumnType::kPaddedText: return text;
    case ColumnType::kDynamic:
      if (payload.is == Cell::Is::kBytes) return kOctets;
      return payload.is == Cell::Is::kText || payload.is == Cell::Is::kNull ? text : kPlainText;
    case ColumnType::kInteger:
    case ColumnType::kNumber:
    case ColumnType::kBoolean:
    case ColumnType::kUuid:
    case ColumnType::kTime: return kPlainText;
  }
  return kOctets;
}

std::string RowMapping::name_of(Role role) const {
  if (const auto* pointed = settings_.pointed(role))
    return "`" + pointed->pointer + "` of column `" + pointed->text + "`";
  if (const std::string* column = settings_.column_of(role)) return "column `" + *column + "`";
  return std::string(to_string(role));
}

}  // namespace penstock::outbox
