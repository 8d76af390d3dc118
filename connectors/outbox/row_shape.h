// One row of an outbox table as a database handed it over: cells by column, before anybody gave them
// a meaning. Pure values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::outbox {

// What a column's values are by its declared type. Of kPaddedText (char(n)) blanks at the end mean nothing, and no cell
// has them. SQLite declares nothing that binds: kDynamic.
enum class ColumnType { kText, kPaddedText, kJson, kBytes, kInteger, kNumber, kBoolean, kUuid, kTime, kDynamic };

inline bool is_text(ColumnType type) { return type == ColumnType::kText || type == ColumnType::kPaddedText; }

struct ColumnShape {
  std::string name;
  ColumnType type = ColumnType::kText;
};

// One value. `bytes` is a view into memory that the batch owns or adopted.
struct Cell {
  enum class Is {
    kNull,
    kText,     // bytes: UTF-8 unless the database doesn't check (SQLite)
    kBytes,    // bytes
    kInteger,  // number
    kUuid,     // bytes: 16 of them
    kTime,     // number: microseconds since 1970-01-01 UTC
  };
  Is is = Is::kNull;
  std::string_view bytes;
  std::int64_t number = 0;

  static Cell null() { return {}; }
  static Cell text(std::string_view text) { return {Is::kText, text, 0}; }
  static Cell blob(std::string_view bytes) { return {Is::kBytes, bytes, 0}; }
  static Cell integer(std::int64_t number) { return {Is::kInteger, {}, number}; }
  static Cell uuid(std::string_view sixteen_bytes) { return {Is::kUuid, sixteen_bytes, 0}; }
  static Cell time(std::int64_t microseconds) { return {Is::kTime, {}, microseconds}; }
};

// The columns that a poll asks for, in their order: all of the table but those that are to be
// ignored. The order column is among them only if a role is mapped to it; every row carries its
// number apart.
struct RowShape {
  std::string order_column;  // empty: rows are told apart by their place
  std::vector<ColumnShape> columns;
  // What the database says of a text in a column that is declared as one: that it is UTF-8, or nothing.
  enum class Texts { kUtf8, kAnyBytes } texts = Texts::kUtf8;

  std::optional<std::size_t> find(std::string_view name) const {
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i].name == name) return i;
    return std::nullopt;
  }
};

struct Row {
  std::int64_t number;  // value of the order column
  std::span<const Cell> cells;
  std::int64_t xid = 0;  // of the writer's transaction, where rows are ordered by it
  // What names the row, if that is no number: LSN:index, or its id. It then stands for `number`.
  std::string_view place = {};
};

}  // namespace penstock::outbox
