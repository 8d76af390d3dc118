// What an operator chose for one outbox source, typed and checked offline.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/on_lost_tail.h"
#include "connectors/outbox/policy.h"
#include "connectors/outbox/profiles.h"
#include "connectors/outbox/table_name.h"
#include "connectors/section.h"
#include "core/secret.h"

namespace penstock::outbox {

struct OutboxSettings {
  std::string source_name;
  Backend backend = Backend::kPostgres;
  Secret url;
  std::string sqlite_path;  // of `url`, for SQLite
  TableName table;
  std::string order_by;
  Policy policy;
  std::map<Role, connectors::ColumnOrConstant> columns;  // the profile's, then [source.columns]
  std::vector<std::string> ignore;                       // columns that stay out of the metadata
  IdKind id_kind = IdKind::kUuid;
  std::string ids_of;  // the source whose ids the rows get, where those are made of its name; empty: this one
  NullKey null_key = NullKey::kRefuse;
  TextPayload text_payload = TextPayload::kJson;
  std::size_t batch = 500;
  std::chrono::milliseconds poll_min{5};
  std::chrono::milliseconds poll_max{250};
  std::string listen;  // NOTIFY channel; empty = none

  // A row with a larger payload is parked by reference.
  std::size_t event_bytes = 1 << 20;
  // Of policy "cursor", when the database has lost rows that were delivered.
  connectors::OnLostTail on_lost_tail = connectors::OnLostTail::kStop;

  // The column a role is mapped to, or in which its value lies; null when it is a constant or not mapped.
  const std::string* column_of(Role role) const;
  // Set where the value lies inside of the column.
  const connectors::ColumnOrConstant* pointed(Role role) const;
  const std::string* constant_of(Role role) const;
  // Whether any role's value stands, or lies, in this column.
  bool is_mapped(std::string_view column) const;
};

// Where a profile finds each role.
std::map<Role, connectors::ColumnOrConstant> columns_of(const Profile& profile);

std::span<const connectors::FieldSpec> outbox_fields();

// The server that a `url` names; nullopt: none of ours.
std::optional<Backend> backend_of(std::string_view url);

// All that is wrong in the section, without looking at the database.
std::vector<connectors::SectionError> check_settings(const connectors::Section& section);

// Of a section that check_settings() found nothing wrong with; otherwise config.invalid.
Result<OutboxSettings> read_settings(const connectors::Section& section, std::string_view source_name,
                                     std::size_t event_bytes);

// The part of both that says how a row becomes an event (table, columns, ids, keys), for other readers of
// such rows.
void check_row_mapping(const connectors::Section& section, std::vector<connectors::SectionError>& errors);
void read_row_mapping(const connectors::Section& section, OutboxSettings& settings);

// The statement that gives the table the column of policy "mark".
std::string statement_that_adds_mark(const OutboxSettings& settings);

// The statement that gives the table the column of guard "xid", and the index that leads along it.
std::string statement_that_adds_xid(const OutboxSettings& settings);

// The statements that give `table` a column to order by.
std::string statement_that_adds_order_column(Backend backend, const TableName& table, const std::string& column);

}  // namespace penstock::outbox
