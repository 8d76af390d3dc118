// Column profiles: known shapes of outbox tables, as data.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace penstock::outbox {

// What a column means to us.
enum class Role { kId, kAggregateType, kAggregateId, kType, kPayload, kOccurredAt, kContentType, kHeaders };
inline constexpr std::array kRoles = {Role::kId,      Role::kAggregateType, Role::kAggregateId, Role::kType,
                                      Role::kPayload, Role::kOccurredAt,    Role::kContentType, Role::kHeaders};

// The word in [source.columns].
std::string_view to_string(Role role);
std::optional<Role> find_role(std::string_view word);
// Without these no event can be made; the others may stay unmapped.
bool is_required(Role role);

// What an event id column holds.
enum class IdKind {
  kUuid,  // a UUID, which is the event id
  kAny,   // any text: the event id is derived from it (version 5), the text goes into the metadata
};

// What a text column with the payload holds, unless a content type is mapped.
enum class TextPayload { kJson, kPlain };

struct ProfileColumn {
  Role role;
  std::string_view column;
};

struct Profile {
  std::string_view name;
  std::span<const ProfileColumn> columns;
  IdKind id_kind;
  TextPayload text_payload;
};

std::span<const Profile> profiles();
// Null when there is none.
const Profile* find_profile(std::string_view name);

}  // namespace penstock::outbox
