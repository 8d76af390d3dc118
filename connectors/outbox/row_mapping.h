// Makes an event of a row, or says why none can be made. Pure: no database, no clock.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/row_shape.h"
#include "connectors/outbox/row_size.h"
#include "connectors/source.h"
#include "core/event.h"

namespace penstock::outbox {

// Where the mapped columns stand in a shape.
struct RoleColumns {
  std::optional<std::size_t> by_role[kRoles.size()];

  std::optional<std::size_t> operator[](Role role) const { return by_role[static_cast<std::size_t>(role)]; }
  std::size_t id() const { return *(*this)[Role::kId]; }  // always a column
};

// Error: outbox.table_missing (invalid) when a mapped column is not among those of `shape`.
Result<RoleColumns> find_role_columns(const OutboxSettings& settings, const RowShape& shape);

// Made once an opening, when the table's columns are known. Single-threaded.
class RowMapping {
 public:
  RowMapping(const OutboxSettings& settings, const RowShape& shape, const RoleColumns& columns);

  // Adds the row's event to `builder`, or adds nothing and returns what is to be parked. The cells'
  // bytes must live as long as the batch; what had to be put together is kept in the builder.
  std::unique_ptr<connectors::MalformedRow> map(const Row& row, EventBatchBuilder& builder);

  // A row that is too large and was not fetched, so it has no cells. `key` is its aggregate id, if that is known.
  std::unique_ptr<connectors::MalformedRow> by_reference(const Row& row, const RowSize& size,
                                                         std::optional<std::string_view> key) const;

 private:
  static constexpr std::size_t index_of(Role role) { return static_cast<std::size_t>(role); }

  struct Wrong {
    Role role;
    std::string what;
  };
  using Checked = std::optional<Wrong>;

  Checked fill(const Row& row, EventBatchBuilder& builder, Event& event);
  Checked fill_id(const Row& row, Event& event);
  Checked fill_stream(const Row& row, EventBatchBuilder& builder, Event& event);
  Checked fill_type(const Row& row, EventBatchBuilder& builder, Event& event);
  Checked fill_payload(const Row& row, EventBatchBuilder& builder, Event& event);
  Checked fill_metadata(const Row& row, EventBatchBuilder& builder, Event& event);
  // The headers' text is taken as it is; what comes beside it goes before its members, and a member
  // of the headers wins over a column of the same name.
  void add_source_id(const Row& row, std::string_view headers);
  void add_extras(const Row& row, std::string_view headers);
  Checked fill_time(const Row& row, Event& event);

  // Text, and whether it lives as long as the batch or only until scratch_ is used again.
  struct Text {
    std::optional<std::string_view> text;  // nullopt for NULL, and for what isn't mapped
    enum class Lives { kWithBatch, kShortly } lives = Lives::kWithBatch;

    std::string_view kept(EventBatchBuilder& builder) const {
      return lives == Lives::kWithBatch ? *text : builder.keep(*text);
    }
  };

  const Cell* cell_of(const Row& row, Role role) const;
  bool is_pointed(Role role) const { return pointed_[index_of(role)].has_value(); }
  // The value inside of a JSON column, as it is written; nullopt where there is none.
  std::optional<std::string_view> find_pointed(const Row& row, Role role) const;
  // Its text, or what stands in its place.
  Text text_of_pointed(const Row& row, Role role);
  // What the id is made of.
  Text text_of_id(const Row& row);
  Text text_of_cell(const Cell& cell);
  // The text of a column, or the constant. Wrong when it is no UTF-8 text.
  Checked read_text(const Row& row, Role role, Text& text);
  // The JSON object of the headers, `{}` where there are none. Stays until the next row.
  Checked read_headers(const Row& row, Text& headers);
  Checked read_header_lists(const Row& row, Text& headers);
  // Whether the database has looked at what the column holds.
  bool is_json_column(std::size_t column) const {
    return shape_.columns[column].type == ColumnType::kJson && shape_.texts == RowShape::Texts::kUtf8;
  }
  // Whether a text of a column is one; true also of what no column says to be text.
  bool is_said_text(const Cell& cell, std::string_view bytes) const;
  std::string_view content_type_of(const Cell& payload) const;
  std::string name_of(Role role) const;

  OutboxSettings settings_;
  RowShape shape_;
  RoleColumns columns_;
  EventId name_space_;  // of ids that are no UUIDs
  std::optional<std::string> constants_[kRoles.size()];
  std::optional<connectors::ColumnOrConstant> pointed_[kRoles.size()];
  std::vector<std::size_t> extras_;       // columns that no mapping names
  std::vector<std::string> extra_names_;  // as JSON strings with a colon
  std::string scratch_, stream_, headers_, metadata_;
};

}  // namespace penstock::outbox
