// Rows of a table of any shape, under any mapping: what comes out is an event that every reader can rely on, or a
// row to be parked that says why; and it is the same whoever maps the row, wherever its cells lie, and whatever was
// mapped before.
//
// A script of bytes: settings, columns, what each role is mapped to, then row after row. What no database hands over
// and no configuration passes is put right here.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "connectors/outbox/row_mapping.h"
#include "connectors/outbox/text_list.h"
#include "connectors/wal/wire_reader.h"
#include "core/error.h"
#include "core/json_pointer.h"
#include "core/json_text.h"
#include "tests/fuzz/oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace penstock::fuzz {
namespace {

using connectors::ColumnOrConstant;
using connectors::MalformedRow;
using outbox::Cell;
using outbox::ColumnType;
using outbox::Role;

constexpr const char* kNames[] = {"id", "a",    "b",          "c",           "payload", "at",       "type",
                                  "k",  "null", "z\u00fc\"'", "line\nbreak", "headers", "source_id"};
constexpr ColumnType kTypes[] = {ColumnType::kText,    ColumnType::kJson,      ColumnType::kBytes, ColumnType::kInteger,
                                 ColumnType::kNumber,  ColumnType::kBoolean,   ColumnType::kUuid,  ColumnType::kTime,
                                 ColumnType::kDynamic, ColumnType::kPaddedText};
constexpr std::size_t kMostRows = 20;

// Behind a byte with its length. 255 stands for a character that is repeated beyond every limit of a name.
std::string read_text(wal::WireReader& script) {
  const std::uint8_t length = script.byte();
  if (length == 255) return std::string(1'100, static_cast<char>(script.byte()));
  return std::string(script.bytes(length));
}

// As it can stand in a configuration.
std::string read_setting(wal::WireReader& script, bool (*fits)(std::string_view), const char* otherwise) {
  std::string text = read_text(script);
  return is_utf8_text(text) && fits(text) ? text : otherwise;
}

bool is_anything(std::string_view) { return true; }
bool is_not_empty(std::string_view text) { return !text.empty(); }
bool is_list(std::string_view text) { return outbox::parse_text_list(text).has_value(); }

ColumnOrConstant read_place(wal::WireReader& script, const outbox::RowShape& shape, Role role) {
  enum { kColumn, kAlsoColumn, kInside, kConstant };
  const std::uint8_t choice = script.byte();
  const bool differs_by_row = role == Role::kId || role == Role::kOccurredAt;
  const std::string& column = shape.columns[choice / 4 % shape.columns.size()].name;
  if (choice % 4 == kInside) {
    ColumnOrConstant place{ColumnOrConstant::Is::kPointer, column, read_setting(script, is_json_pointer, "/a"), {}};
    if (choice >= 128 && !differs_by_row) place.fallback = read_setting(script, is_anything, "");
    return place;
  }
  if (choice % 4 == kConstant && !differs_by_row) {
    const auto fits = role == Role::kHeaders                                      ? is_json_object
                      : role == Role::kHeaderNames || role == Role::kHeaderValues ? is_list
                                                                                  : is_not_empty;
    return {ColumnOrConstant::Is::kConstant, read_setting(script, fits, "{}"), {}, {}};
  }
  return {ColumnOrConstant::Is::kColumn, column, {}, {}};
}

struct Table {
  outbox::OutboxSettings settings;
  outbox::RowShape shape;

  explicit Table(wal::WireReader& script) {
    const std::uint8_t flags = script.byte();
    settings.source_name = "orders";
    settings.table = {"shop", "outbox"};
    settings.order_by = shape.order_column = flags & 1 ? "seq" : "";
    settings.id_kind = flags & 2 ? outbox::IdKind::kAny : outbox::IdKind::kUuid;
    settings.null_key = flags & 4 ? outbox::NullKey::kAllow : outbox::NullKey::kRefuse;
    settings.text_payload = flags & 8 ? outbox::TextPayload::kPlain : outbox::TextPayload::kJson;
    if (flags & 16) settings.ignore = {"c"};
    const std::size_t columns = 1 + script.byte() % std::size(kNames);
    for (std::size_t i = 0; i < columns; ++i)
      shape.columns.push_back({kNames[i], kTypes[script.byte() % std::size(kTypes)]});
    const std::uint8_t left_out = script.byte();
    for (const Role role : outbox::kRoles) {
      if (role == Role::kHeaderNames || role == Role::kHeaderValues) continue;
      const bool may_miss = !outbox::is_required(role, settings.null_key);
      if (may_miss && (left_out >> static_cast<int>(role) & 1) != 0) continue;
      settings.columns[role] = read_place(script, shape, role);
    }
    if ((flags & 32) == 0) return;
    settings.columns.erase(Role::kHeaders);
    for (const Role role : {Role::kHeaderNames, Role::kHeaderValues})
      settings.columns[role] = read_place(script, shape, role);
  }
};

// One row, with the bytes of its cells.
struct RawRow {
  std::int64_t number = 0;
  std::string place;
  std::vector<Cell> cells;  // their `bytes` are set by view()
  std::vector<std::string> bytes;

  RawRow(wal::WireReader& script, const outbox::RowShape& shape) : number(script.int64()) {
    if (number % 2 != 0) place = "0/1A2B:" + std::to_string(script.byte());
    for (const outbox::ColumnShape& column : shape.columns) {
      const std::uint8_t kind = script.byte();
      bytes.push_back(kind % 8 == 0 ? "" : read_text(script));
      cells.push_back(kind % 8 == 0 ? Cell::null() : cell(column.type, kind, bytes.back()));
    }
  }

  outbox::Row view() {
    for (std::size_t i = 0; i < cells.size(); ++i) cells[i].bytes = bytes[i];
    return {number, cells, 0, place};
  }

 private:
  // As the databases hand over what a column of this type holds.
  static Cell cell(ColumnType type, std::uint8_t kind, std::string& text) {
    std::int64_t value = kind;
    std::memcpy(&value, text.data(), std::min(sizeof value, text.size()));
    switch (type) {
      case ColumnType::kPaddedText: text.erase(text.find_last_not_of(' ') + 1); [[fallthrough]];
      case ColumnType::kText: return is_utf8_text(text) ? Cell::text({}) : Cell::null();
      case ColumnType::kJson: return is_json(text) ? Cell::text({}) : Cell::null();
      case ColumnType::kBytes: return Cell::blob({});
      case ColumnType::kInteger: return Cell::integer(value);
      case ColumnType::kNumber:
        if (!is_json(text) || (text[0] != '-' && (text[0] < '0' || text[0] > '9'))) text = "NaN";
        return Cell::text({});
      case ColumnType::kBoolean: text = value % 2 == 0 ? "true" : "false"; return Cell::text({});
      case ColumnType::kUuid: text.resize(16); return Cell::uuid({});
      case ColumnType::kTime: return Cell::time(value);
      case ColumnType::kDynamic:
        if (kind % 4 == 1) return Cell::integer(value);
        return kind % 4 == 2 ? Cell::blob({}) : Cell::text({});
    }
    return Cell::null();
  }
};

void add(std::string& all, std::string_view part) { all.append(std::to_string(part.size())).append(":").append(part); }

// Everything that the event says, as one text.
std::string all_of(const Event& event) {
  std::string all = event.id.to_string();
  for (const std::string_view part :
       {event.stream, event.category, event.type, event.content_type, event.metadata, event.source_position})
    add(all, part);
  if (event.data) add(all, *event.data);
  all += event.data ? "+" : "-";
  if (event.key) add(all, *event.key);
  all += event.key ? "+" : "-";
  return all + (event.occurred_at ? std::to_string(event.occurred_at->time_since_epoch().count()) : "");
}

std::string all_of(const MalformedRow& row) {
  std::string all;
  for (const std::string_view part : {std::string_view(row.source_key), std::string_view(row.code),
                                      std::string_view(row.reason), std::string_view(row.content)})
    add(all, part);
  if (row.key) add(all, *row.key);
  return all;
}

bool is_name(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && is_utf8_text(text);
}

void demand_valid(const Event& event, const Table& table, const outbox::Row& row) {
  demand(is_name(event.stream, 1'024) && is_name(event.category, 255) && is_name(event.type, 255));
  demand(is_name(event.content_type, 255) && is_json_object(event.metadata));
  demand(event.stream == (event.key ? std::string(event.category) + "-" + std::string(*event.key) : event.category));
  demand(event.key || table.settings.null_key == outbox::NullKey::kAllow);
  demand(event.source_position == (row.place.empty() ? std::to_string(row.number) : row.place));
  demand(!event.version && !event.position && !event.recorded_at);
  if (!event.occurred_at) return;
  constexpr Timestamp kFirst = std::chrono::sys_days(std::chrono::year{1} / 1 / 1);
  constexpr Timestamp kEnd = std::chrono::sys_days(std::chrono::year{10'000} / 1 / 1);
  demand(*event.occurred_at >= kFirst && *event.occurred_at < kEnd);
}

void demand_valid(const MalformedRow& malformed, const outbox::Row& row) {
  demand(malformed.code == codes::kOutboxRowMalformed.name && malformed.kept == MalformedRow::Kept::kWhole);
  demand(malformed.source_key == (row.place.empty() ? std::to_string(row.number) : row.place));
  demand(is_utf8_text(malformed.reason) && !malformed.reason.empty());
  demand(is_json_object(malformed.content));
  demand(!malformed.key || is_utf8_text(*malformed.key));
}

// By a mapping of its own, of cells that lie elsewhere.
std::string map_alone(const Table& table, const outbox::RoleColumns& roles, RawRow row) {
  EventBatchBuilder builder;
  if (const auto malformed = outbox::RowMapping(table.settings, table.shape, roles).map(row.view(), builder))
    return all_of(*malformed);
  return all_of(std::move(builder).finish()->events().front());
}

void run(wal::WireReader script) {
  const Table table(script);
  const auto roles = outbox::find_role_columns(table.settings, table.shape);
  demand(roles.has_value());
  outbox::RowMapping mapping(table.settings, table.shape, *roles);
  EventBatchBuilder builder;
  std::vector<RawRow> rows;
  std::vector<std::string> alone;  // of the rows that are events
  rows.reserve(kMostRows);
  while (!script.at_end() && !script.failed() && rows.size() < kMostRows) {
    RawRow& raw = rows.emplace_back(script, table.shape);
    const outbox::Row row = raw.view();
    const std::size_t before = builder.size();
    const auto malformed = mapping.map(row, builder);
    demand(builder.size() == before + (malformed ? 0 : 1));
    std::string by_itself = map_alone(table, *roles, raw);
    if (malformed) {
      demand_valid(*malformed, row);
      demand(all_of(*malformed) == by_itself);
      rows.pop_back();
      continue;
    }
    alone.push_back(std::move(by_itself));
  }
  const auto batch = std::move(builder).finish();
  demand(batch->size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    demand_valid(batch->events()[i], table, rows[i].view());
    demand(all_of(batch->events()[i]) == alone[i]);
  }
}

}  // namespace
}  // namespace penstock::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  penstock::fuzz::run(
      penstock::wal::WireReader({reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 16'000)}));
  return 0;
}
