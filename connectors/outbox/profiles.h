// Column profiles: known shapes of outbox tables, as data. Each stands in a file of its own in profiles/,
// with the source of its shape.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace penstock::outbox {

// What a column means to us.
enum class Role {
  kId,
  kAggregateType,
  kAggregateId,
  kType,
  kPayload,
  kOccurredAt,
  kContentType,
  kHeaders,       // a JSON object
  kHeaderNames,   // or two lists of texts: of their names,
  kHeaderValues,  // and of their values
};
inline constexpr std::array kRoles = {Role::kId,          Role::kAggregateType, Role::kAggregateId, Role::kType,
                                      Role::kPayload,     Role::kOccurredAt,    Role::kContentType, Role::kHeaders,
                                      Role::kHeaderNames, Role::kHeaderValues};

// The word in [source.columns].
std::string_view to_string(Role role);
std::optional<Role> find_role(std::string_view word);

// What an event id column holds.
enum class IdKind {
  kUuid,  // a UUID, which is the event id
  kAny,   // any text: the event id is derived from it (version 5), the text goes into the metadata
};

// What a text column with the payload holds, unless a content type is mapped.
enum class TextPayload { kJson, kPlain };

// A NULL aggregate id: a malformed row, or an event that is ordered with nothing.
enum class NullKey { kRefuse, kAllow };

// Without these no event can be made; the others may stay unmapped.
bool is_required(Role role, NullKey null_key);

// Where a role's value is found: the column, or a value inside of it.
struct ProfileColumn {
  Role role;
  std::string_view column;         // or the constant
  std::string_view pointer = {};   // into a JSON column (RFC 6901); empty = the column itself
  std::string_view fallback = {};  // where the pointer finds nothing; empty = NULL
  enum class Is { kColumn, kConstant } is = Is::kColumn;
};

struct Profile {
  std::string_view name;
  std::string_view title;  // whose tables these are
  std::span<const ProfileColumn> columns;
  // Columns that another program changes while a row waits, or that say nothing of the event.
  std::span<const std::string_view> ignore;
  IdKind id_kind = IdKind::kUuid;
  TextPayload text_payload = TextPayload::kJson;
  NullKey null_key = NullKey::kRefuse;

  // The rest is what stands in the configuration where the operator says nothing, and what
  // `penstock outbox init` prints.
  std::string_view table;     // as the original calls it
  std::string_view order_by;  // empty: the shape has no number, and one is to be added
  std::string_view policy = "delete";
  std::string_view mark_column = {}, mark_value = {};  // of policy "mark"
  std::string_view ddl = {};                           // the table for Postgres; @table@ is its quoted name
};

std::span<const Profile* const> profiles();
// Null when there is none.
const Profile* find_profile(std::string_view name);

}  // namespace penstock::outbox
